/* envelope/envelope.h - all of the stable API that is installed. */
#ifndef ENVELOPE_ENVELOPE_H
#define ENVELOPE_ENVELOPE_H
#include <envelope/base.h>
#include <envelope/chain.h>
#include <envelope/key.h>
#include <envelope/keyring.h>
#include <envelope/kmip.h>
#include <envelope/kms.h>
#include <envelope/object.h>
#include <envelope/recovery.h>
#include <envelope/store.h>
#endif
