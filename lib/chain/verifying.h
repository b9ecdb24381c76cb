/* chain/verifying.h - one verification under way: what its parts share, and the parts. Public calls
 * are in verify.c. Verification goes on after damage and tells every finding as an event whose
 * message begins with the part: "header copy A", "header copy B", "header copies A and B",
 * "payload", "block", "tail", "object". */
#ifndef ENV_CHAIN_VERIFYING_H
#define ENV_CHAIN_VERIFYING_H
#include "chain/newest.h"
#include "chain/points.h"
#include "chain/source.h"
#include "format/tail.h"

enum { ENV_VERIFY_STEP = 1 << 20 };

struct env_verifying {
    envelope_chain *chain;
    struct env_listener events;
    const envelope_verify_options *how;
    bool repair;
    struct env_view view;
    struct env_files files; /* as they were at the start */
    uint8_t *buf;           /* ENV_VERIFY_STEP */
    envelope_status worst;  /* of what was found */
    envelope_error first;   /* the first finding of that status */
    uint64_t done;
    uint64_t total;
};

/* -- verify_finding.c */
__attribute__((format(printf, 5, 6))) void env_verify_finding(struct env_verifying *w,
                                                              const struct env_subject *subject,
                                                              envelope_status st, int32_t kind,
                                                              const char *format, ...);
/* E_CANCELLED: the caller wants no more. */
envelope_status env_verify_progress(struct env_verifying *w, uint64_t more, envelope_error *err);
/* A failure that says something about this process, not about what is verified. */
bool env_verify_final(envelope_status st);
/* What is known of an object that is looked at. */
struct env_verify_object {
    const struct env_subject *subject;
    const int32_t *copy;               /* ENV_COPY_* of A and B */
    const struct env_headers *headers; /* NULL: why a copy is damaged is not known */
    const envelope_dek *dek;           /* NULL: it cannot be mended */
    const uint8_t *object_id;          /* ENV_OBJECT_ID_BYTES */
    const uint8_t *link;               /* ENV_LINK_BYTES */
    bool length_proven;                /* by more than the length of the file */
};
/* These find, or mend where that was asked for. */
envelope_status env_verify_copies(struct env_verifying *w, const struct env_verify_object *object,
                                  envelope_error *err);
envelope_status env_verify_tail(struct env_verifying *w, const struct env_verify_object *object,
                                struct env_store_file *file, const struct env_payload_place *place,
                                envelope_error *err);
/* For a scan, user: the verification. */
void env_verify_on_scan(void *user, const envelope_event *event);

/* -- verify_mend.c: what cannot be mended is told as a finding, with *mended false. Both fail only
 * for what ends the whole verification. */
envelope_status env_verify_mend_header(struct env_verifying *w, const struct env_subject *subject,
                                       const envelope_dek *dek, const uint8_t link[ENV_LINK_BYTES],
                                       bool *mended, envelope_error *err);
/* subject->offset: where it lies. */
envelope_status env_verify_mend_tail(struct env_verifying *w, const struct env_subject *subject,
                                     const uint8_t tail[ENV_TAIL_BYTES], bool *mended,
                                     envelope_error *err);

/* -- verify_point.c: point i of the view */
envelope_status env_verify_point(struct env_verifying *w, size_t i, envelope_error *err);

/* -- verify_metadata.c */
/* Everything that an asking KMS is to answer is asked before the first finding, so that the call
 * which is repeated reads the points once and tells nothing twice. */
envelope_status env_verify_ask_first(struct env_verifying *w, envelope_error *err);
envelope_status env_verify_metadata(struct env_verifying *w, envelope_error *err);
#endif
