/* Stands in for a test whose libraries are not there. */
#include "check_main.h"

Suite *suite(void)
{
    skip_all("jansson or zlib is not there");
    return NULL;
}
