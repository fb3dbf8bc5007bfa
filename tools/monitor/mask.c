/* The table of known fields with the class of each, and what each class shows: all of it, its
 * length, its last four digits, or nothing. */

#include "tools/monitor/mask.h"

#include <string.h>

#include "base/ids.h"
#include "tools/common/text.h"

/* A phone number with its country has 10 digits or more; shorter runs in an id are counters and
 * the like. What is a phone by its field's name is never shown whole. */
#define ID_RUN_MIN  10
#define PHONE_MIN   7
#define PHONE_SHOWN 4

static const char *const uuids[] = {"trace", "spool"};
static const char *const pairs[] = {"pairs", "taken", "held"};
static const char *const registries[] = {"registry"};
/* Numbers, times, measures, words and flags of ours; ids of ours; in HELLO `name`, of a process. */
static const char *const plain[] = {"kind",
                                    "id",
                                    "attempt",
                                    "role",
                                    "version",
                                    "registry_version",
                                    "credit",
                                    "credit_bytes",
                                    "low",
                                    "next",
                                    "mark",
                                    "lease_ms",
                                    "spool_events",
                                    "spool_bytes",
                                    "busy",
                                    "verb",
                                    "number",
                                    "replay",
                                    "taken_ms",
                                    "sent_ms",
                                    "expires_ms",
                                    "start_within_ms",
                                    "finish_within_ms",
                                    "retry_after_ms",
                                    "took_ms",
                                    "began_ms",
                                    "skew_ms",
                                    "mono_ms",
                                    "echo_ms",
                                    "core_ms",
                                    "media_size",
                                    "media_duration",
                                    "forward_media_size",
                                    "settled_ms",
                                    "reply_sent_ms",
                                    "forward_sent_ms",
                                    "write_first",
                                    "silent",
                                    "unset",
                                    "outgoing",
                                    "deleted",
                                    "time_window_off",
                                    "direction",
                                    "state",
                                    "found",
                                    "complete",
                                    "skew_known",
                                    "outcome",
                                    "cause",
                                    "status_code",
                                    "scope",
                                    "scope_id",
                                    "connector",
                                    "account",
                                    "name"};
/* Ids from outside, and words that may hold one. */
static const char *const ids[] = {"status",
                                  "error_code",
                                  "code",
                                  "type",
                                  "raw_type",
                                  "reply_type",
                                  "forward_type",
                                  "reason",
                                  "media_mime",
                                  "source",
                                  "key",
                                  "chat_id",
                                  "chat_client_id",
                                  "conversation",
                                  "conversation_id",
                                  "conversation_ref_id",
                                  "sender_id",
                                  "sender_ref_id",
                                  "receiver_id",
                                  "receiver_client_id",
                                  "receiver_ref_id",
                                  "author",
                                  "message_id",
                                  "message_client_id",
                                  "reply_id",
                                  "reply_client_id",
                                  "forward_id",
                                  "forward_client_id",
                                  "forward_ids",
                                  "forward_conversation_id",
                                  "forward_conversation_ref_id",
                                  "post_id",
                                  "media_group",
                                  "sticker_id",
                                  "dedup",
                                  "webhook_id",
                                  "amo_message_id",
                                  "amo_chat_id",
                                  "amo_sender_id",
                                  "amo_receiver_id",
                                  "service_conversation",
                                  "service_message_id",
                                  "mid",
                                  "amo_id",
                                  "service_id"};
/* People and what they wrote: unknown fields are treated like texts. */
static const char *const phones[] = {"sender_phone", "receiver_phone"};
/* None of them is a field of a frame that is shown, but should one become so. `args` of a control call may
 * hold a secret file's content, `json` of its answer a secret made just now. */
static const char *const secrets[] = {"secret", "secrets", "secret_key", "token",
                                      "tokens", "args",    "json"};

static const struct {
    enum mask_class class;
    const char *const *keys;
    size_t n;
} fields[] = {
    {MASK_UUID,     uuids,      AMO_COUNT(uuids)     },
    {MASK_PAIRS,    pairs,      AMO_COUNT(pairs)     },
    {MASK_REGISTRY, registries, AMO_COUNT(registries)},
    {MASK_PLAIN,    plain,      AMO_COUNT(plain)     },
    {MASK_ID,       ids,        AMO_COUNT(ids)       },
    {MASK_PHONE,    phones,     AMO_COUNT(phones)    },
    {MASK_SECRET,   secrets,    AMO_COUNT(secrets)   },
};

enum mask_class mask_class_of(struct view key)
{
    for (size_t i = 0; i < AMO_COUNT(fields); i++) {
        for (size_t k = 0; k < fields[i].n; k++) {
            if (view_is(key, fields[i].keys[k]))
                return fields[i].class;
        }
    }
    return MASK_TEXT;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Where a run of digits at the start of @v ends, seeing through what people put between them. */
static size_t run_len(struct view v, size_t *ret_digits)
{
    size_t end = 0;
    size_t digits = 0;

    for (size_t i = 0; i < v.len; i++) {
        if (is_digit(v.ptr[i])) {
            digits++;
            end = i + 1;
        } else if (!strchr(" ()", v.ptr[i]) || v.ptr[i] == '\0') {
            break;
        }
    }
    *ret_digits = digits;
    return end;
}

/* As amo's ids are: runs of digits in them mean nothing. */
static bool is_uuid(struct view v)
{
    struct id id;

    return id_parse(v, &id) == 0;
}

static void mask_id(struct view v, struct buf *out)
{
    size_t i = 0;

    while (i < v.len) {
        size_t digits = 0;
        size_t len = run_len(view_make(v.ptr + i, v.len - i), &digits);
        /* amid letters on both sides it is part of a hash */
        bool begins = i == 0 || !is_alnum(v.ptr[i - 1]);
        bool ends = i + len == v.len || !is_alnum(v.ptr[i + len]);

        if (digits >= ID_RUN_MIN && (begins || ends)) {
            (void)buf_add_str(out, "***"); /* errors stick in the buf */
            (void)buf_add(out, v.ptr + i + len - PHONE_SHOWN, PHONE_SHOWN);
        } else {
            len = len ? len : 1;
            (void)buf_add(out, v.ptr + i, len);
        }
        i += len;
    }
}

/* The last four digits, when there are enough others to hide. */
static void mask_phone(struct view v, struct buf *out)
{
    char last[PHONE_SHOWN];
    size_t n = 0;

    for (size_t i = 0; i < v.len; i++) {
        if (is_digit(v.ptr[i]))
            last[n++ % PHONE_SHOWN] = v.ptr[i];
    }
    (void)buf_add_str(out, "***"); /* errors stick in the buf */
    for (size_t i = 0; n >= PHONE_MIN && i < PHONE_SHOWN; i++)
        (void)buf_add_char(out, last[(n + i) % PHONE_SHOWN]);
}

bool mask_text(enum mask_class c, struct view v, bool reveal, struct buf *out)
{
    if (c == MASK_SECRET) {
        (void)buf_add_str(out, "********"); /* errors stick in the buf, here and below */
        return false;
    }
    if (reveal || c == MASK_PLAIN || (c == MASK_ID && is_uuid(v))) {
        (void)buf_add_view(out, v);
        return true;
    }
    if (c == MASK_ID) {
        size_t from = out->len;

        mask_id(v, out);
        return view_equal(v, view_make(buf_str(out) + from, out->len - from));
    }
    if (c == MASK_PHONE)
        mask_phone(v, out);
    else
        (void)buf_add_f(out, "\xc2\xab%zu chars\xc2\xbb", text_chars(v));
    return false;
}
