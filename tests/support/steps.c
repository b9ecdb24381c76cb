#include "steps.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static atomic_uint_fast64_t steps;

uint64_t steps_taken(void)
{
    return atomic_load_explicit(&steps, memory_order_relaxed);
}

/* Called by the compiler's own work, so no header declares it. */
void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    atomic_fetch_add_explicit(&steps, 1, memory_order_relaxed);
}

/* A whole program writes its number into the file that ENVELOPE_STEPS names. */
__attribute__((destructor)) static void tell(void)
{
    const char *name = getenv("ENVELOPE_STEPS");
    FILE *f = name ? fopen(name, "w") : NULL;
    if (f) {
        fprintf(f, "%llu\n", (unsigned long long)steps_taken());
        fclose(f);
    }
}
