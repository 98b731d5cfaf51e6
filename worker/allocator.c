#include <stdbool.h>
#include <stddef.h>

#include "conf/log.h"
#include "worker/allocator.h"

/*
 * Read by jemalloc before main().  One arena: one thread allocates, and by default there would be four for each core.  An
 * option that this jemalloc does not know ends the process at once instead of being ignored.
 */
extern const char *malloc_conf;
const char *malloc_conf = "abort_conf:true,narenas:1";

extern int mallctl(const char *name, void *old, size_t *old_len, void *fresh, size_t fresh_len) __attribute__((weak));

void allocator_start(void)
{
	bool on = true;
	int err;

	if (mallctl == NULL)
		return;
	err = mallctl("background_thread", NULL, NULL, &on, sizeof(on));
	if (err != 0)
		log_warn("allocator", "background_thread=%d", err);
}
