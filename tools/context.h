/* tools/context.h - the library's context, with the report as its listener. */
#ifndef ENVELOPE_TOOLS_CONTEXT_H
#define ENVELOPE_TOOLS_CONTEXT_H
#include "report.h"

int context_new(struct report *report, envelope_ctx **out);
#endif
