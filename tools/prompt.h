/* tools/prompt.h - ask for a passphrase at the terminal, without echo. */
#ifndef ENVELOPE_TOOLS_PROMPT_H
#define ENVELOPE_TOOLS_PROMPT_H
#include "secretfile.h"

/* twice: ask again and compare, for a passphrase that is made now. Where there is no terminal:
 * status 2 with a line that ends in instead ("give --passphrase-file"). */
int prompt_secret(struct report *report, const char *question, const char *instead, bool twice,
                  struct secret *out);
#endif
