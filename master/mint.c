#include "master/mint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "master/argv.h"
#include "master/fault.h"
#include "worker/token.h"

#define TTL_MAX (INT64_C(3653) * 86400)

bool mint_ttl(const char *text, int64_t *seconds)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
	char *end;
	long long n;

	if (text[0] < '0' || text[0] > '9')
		return false;
	n = strtoll(text, &end, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit) != 0)
			continue;
		if (n <= 0 || n > TTL_MAX / units[i].seconds)
			return false;
		*seconds = (int64_t)n * units[i].seconds;
		return true;
	}
	return false;
}

int mint_command(int argc, char **argv)
{
	struct argv_options o;
	struct token_spec spec = {.ttl_s = 3600};
	struct conf *c = NULL;
	char why[256], *token;
	int status = argv_parse(&o, argc, argv, "token", "cdt");

	if (status)
		return status;
	status = FAULT_USAGE;
	if (!o.user) {
		fprintf(stderr, "forkcast: token needs --user U\n");
		goto out;
	}
	if (o.ttl && !mint_ttl(o.ttl, &spec.ttl_s)) {
		fprintf(stderr, "forkcast: --ttl %s: write a time such as 90s, 15m, 1h or 7d\n", o.ttl);
		goto out;
	}
	c = argv_load(&o, &status);
	if (!c)
		goto out;
	spec.user = o.user;
	spec.name = o.name;
	spec.role = o.role;
	spec.now_s = (int64_t)time(NULL);
	spec.nclaim = o.nclaim;
	spec.claim = (const char *const *)o.claim;
	token = token_mint(c, &spec, why, sizeof(why));
	if (token) {
		puts(token);
		free(token);
		status = fflush(stdout) == 0 ? 0 : FAULT_RUNTIME;
	} else {
		fprintf(stderr, "forkcast: %s\n", why);
		status = FAULT_USAGE;
	}
out:
	if (c)
		conf_free(c);
	argv_fini(&o);
	return status;
}
