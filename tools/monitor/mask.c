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

struct mask_field {
    const char *key;
    enum mask_class class;
};

static const struct mask_field fields[] = {
  /* every frame, and the numbers in it */
    {"trace",                       MASK_UUID    },
    {"spool",                       MASK_UUID    },
    {"pairs",                       MASK_PAIRS   },
    {"taken",                       MASK_PAIRS   },
    {"held",                        MASK_PAIRS   },
    {"registry",                    MASK_REGISTRY},
    {"kind",                        MASK_PLAIN   },
    {"id",                          MASK_PLAIN   },
    {"attempt",                     MASK_PLAIN   },
    {"role",                        MASK_PLAIN   },
    {"version",                     MASK_PLAIN   },
    {"registry_version",            MASK_PLAIN   },
    {"credit",                      MASK_PLAIN   },
    {"credit_bytes",                MASK_PLAIN   },
    {"low",                         MASK_PLAIN   },
    {"next",                        MASK_PLAIN   },
    {"mark",                        MASK_PLAIN   },
    {"lease_ms",                    MASK_PLAIN   },
    {"spool_events",                MASK_PLAIN   },
    {"spool_bytes",                 MASK_PLAIN   },
    {"busy",                        MASK_PLAIN   },
    {"verb",                        MASK_PLAIN   },
    {"number",                      MASK_PLAIN   },
    {"replay",                      MASK_PLAIN   },
 /* times and measures */
    {"taken_ms",                    MASK_PLAIN   },
    {"sent_ms",                     MASK_PLAIN   },
    {"expires_ms",                  MASK_PLAIN   },
    {"start_within_ms",             MASK_PLAIN   },
    {"finish_within_ms",            MASK_PLAIN   },
    {"retry_after_ms",              MASK_PLAIN   },
    {"took_ms",                     MASK_PLAIN   },
    {"began_ms",                    MASK_PLAIN   },
    {"skew_ms",                     MASK_PLAIN   },
    {"media_size",                  MASK_PLAIN   },
    {"media_duration",              MASK_PLAIN   },
    {"forward_media_size",          MASK_PLAIN   },
    {"settled_ms",                  MASK_PLAIN   },
    {"reply_sent_ms",               MASK_PLAIN   },
    {"forward_sent_ms",             MASK_PLAIN   },
 /* words and flags */
    {"write_first",                 MASK_PLAIN   },
    {"silent",                      MASK_PLAIN   },
    {"unset",                       MASK_PLAIN   },
    {"outgoing",                    MASK_PLAIN   },
    {"deleted",                     MASK_PLAIN   },
    {"time_window_off",             MASK_PLAIN   },
    {"direction",                   MASK_PLAIN   },
    {"state",                       MASK_PLAIN   },
    {"found",                       MASK_PLAIN   },
    {"complete",                    MASK_PLAIN   },
    {"skew_known",                  MASK_PLAIN   },
    {"outcome",                     MASK_PLAIN   },
    {"cause",                       MASK_PLAIN   },
    {"status_code",                 MASK_PLAIN   },
    {"status",                      MASK_ID      },
    {"error_code",                  MASK_ID      },
    {"code",                        MASK_ID      },
    {"type",                        MASK_ID      },
    {"raw_type",                    MASK_ID      },
    {"reply_type",                  MASK_ID      },
    {"forward_type",                MASK_ID      },
    {"reason",                      MASK_ID      },
    {"media_mime",                  MASK_ID      },
 /* ids */
    {"scope",                       MASK_PLAIN   },
    {"scope_id",                    MASK_PLAIN   },
    {"connector",                   MASK_PLAIN   },
    {"account",                     MASK_PLAIN   },
    {"source",                      MASK_ID      },
    {"key",                         MASK_ID      },
    {"chat_id",                     MASK_ID      },
    {"chat_client_id",              MASK_ID      },
    {"conversation",                MASK_ID      },
    {"conversation_id",             MASK_ID      },
    {"conversation_ref_id",         MASK_ID      },
    {"sender_id",                   MASK_ID      },
    {"sender_ref_id",               MASK_ID      },
    {"receiver_id",                 MASK_ID      },
    {"receiver_client_id",          MASK_ID      },
    {"receiver_ref_id",             MASK_ID      },
    {"author",                      MASK_ID      },
    {"message_id",                  MASK_ID      },
    {"message_client_id",           MASK_ID      },
    {"reply_id",                    MASK_ID      },
    {"reply_client_id",             MASK_ID      },
    {"forward_id",                  MASK_ID      },
    {"forward_client_id",           MASK_ID      },
    {"forward_ids",                 MASK_ID      },
    {"forward_conversation_id",     MASK_ID      },
    {"forward_conversation_ref_id", MASK_ID      },
    {"post_id",                     MASK_ID      },
    {"media_group",                 MASK_ID      },
    {"sticker_id",                  MASK_ID      },
    {"dedup",                       MASK_ID      },
    {"amo_message_id",              MASK_ID      },
    {"amo_chat_id",                 MASK_ID      },
    {"amo_sender_id",               MASK_ID      },
    {"amo_receiver_id",             MASK_ID      },
    {"service_conversation",        MASK_ID      },
    {"service_message_id",          MASK_ID      },
    {"mid",                         MASK_ID      },
    {"amo_id",                      MASK_ID      },
    {"service_id",                  MASK_ID      },
 /* people and what they wrote: unknown fields are treated like these */
    {"sender_phone",                MASK_PHONE   },
    {"receiver_phone",              MASK_PHONE   },
    {"name",                        MASK_PLAIN   }, /* of a process, in HELLO */
  /* secrets; none of them is a field of a frame that is shown, but should one become so */
    {"secret",                      MASK_SECRET  },
    {"secrets",                     MASK_SECRET  },
    {"secret_key",                  MASK_SECRET  },
    {"token",                       MASK_SECRET  },
    {"tokens",                      MASK_SECRET  },
    {"args",                        MASK_SECRET  }, /* of a control call: may hold a secret file's content */
    {"json",                        MASK_SECRET  }, /* of its answer: may hold a secret made just now */
};

enum mask_class mask_class_of(struct view key)
{
    for (size_t i = 0; i < AMO_COUNT(fields); i++) {
        if (view_is(key, fields[i].key))
            return fields[i].class;
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
