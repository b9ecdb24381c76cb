/* kms_commands.h - commands of the driver that go through the public headers. */
#ifndef TESTS_KMIP_KMS_COMMANDS_H
#define TESTS_KMIP_KMS_COMMANDS_H
#include <envelope/kmip.h>
#include <stdbool.h>

/* A line of JSON, as the driver writes it. */
void put_status(envelope_status st, const envelope_error *err);

void kms_open(envelope_ctx *ctx, const envelope_kmip_options *options);
/* words: command (unwrap, create, newest), then its arguments; NULL behind them.
 *   unwrap WRAPPED FINGERPRINT COUNT   of key 1-priv named vm: that many times in one call
 *   create NAME | close
 * false: no such command. */
bool kms_command(char **word);
void kms_close(void);
#endif
