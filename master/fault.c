#include "master/fault.h"

#include <stdarg.h>
#include <stdio.h>

int fault(struct fault *f, int err, int status, const char *fmt, ...)
{
	va_list ap;

	f->status = status;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	return -err;
}

int fault_print(const struct fault *f)
{
	fprintf(stderr, "forkcast: %s\n", f->text);
	return f->status;
}
