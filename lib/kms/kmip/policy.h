/* kms/kmip/policy.h - the options, taken apart once: for provider.c and session.c. */
#ifndef ENV_KMIP_POLICY_H
#define ENV_KMIP_POLICY_H
#include "kms/kmip/job.h"

/* Copies what is known of options into *out and fills policy. E_INVALID names the member. */
envelope_status env_kmip_options(const envelope_kmip_options *options, envelope_kmip_options *out,
                                 struct env_kmip_policy *policy, envelope_error *err);
#endif
