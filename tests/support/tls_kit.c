#include "tls_kit.h"
#include "check_main.h"

void tls_kit_make(struct tls_kit *kit)
{
    *kit = (struct tls_kit){.ctx = test_ctx()};
    scratch_make(kit->dir);
    scratch_path(kit->ca_file, kit->dir, "ca.pem");
    scratch_path(kit->cert_file, kit->dir, "client.pem");
    scratch_path(kit->key_file, kit->dir, "client.key");
    kit->ca = cert_make(&(struct cert_wish){.name = "test CA", .ca = true}, NULL);
    kit->kms = cert_make(
        &(struct cert_wish){.name = "test KMS",
                            .san = "DNS:kms-a,DNS:*.example.test,IP:192.0.2.1,IP:2001:db8::1",
                            .eku = "serverAuth"},
        &kit->ca);
    kit->client =
        cert_make(&(struct cert_wish){.name = "backup host", .eku = "clientAuth"}, &kit->ca);
    cert_write(kit->ca_file, &kit->ca, NULL, NULL);
    cert_write(kit->cert_file, &kit->client, NULL, NULL);
    cert_write_key(kit->key_file, &kit->client, NULL);
}

void tls_kit_free(struct tls_kit *kit)
{
    cert_free(&kit->ca);
    cert_free(&kit->kms);
    cert_free(&kit->client);
    scratch_remove(kit->dir);
    envelope_ctx_free(kit->ctx);
}

void tls_pair_make(struct tls_pair *pair, struct tls_kit *kit, const struct client_wish *client,
                   const struct peer_wish *server)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    *pair = (struct tls_pair){0};
    ck_assert_msg(client_config(kit->ctx, client, &pair->config, &err) == ENVELOPE_OK, "%s",
                  err.message);
    ck_assert_msg(env_tls_new(pair->config, client->name, &pair->tls, &err) == ENVELOPE_OK, "%s",
                  err.message);
    peer_start(&pair->peer, server);
}

void tls_pair_end(struct tls_pair *pair)
{
    peer_end(&pair->peer);
    env_tls_config_free(pair->config); /* before what stands on it */
    env_tls_free(pair->tls);
}

void tls_pair_open(struct tls_pair *pair, struct tls_kit *kit, int version)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    tls_pair_make(
        pair, kit,
        &(struct client_wish){
            .name = "kms-a", .ca = kit->ca_file, .cert = kit->cert_file, .key = kit->key_file},
        &(struct peer_wish){.cert = &kit->kms, .demands = &kit->ca, .version = version});
    ck_assert_msg(peer_handshake(&pair->peer, pair->tls, &err) == ENVELOPE_OK, "%s", err.message);
}
