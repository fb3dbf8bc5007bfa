#pragma once

/* Repeats at the connector API, in two indexes of one kind. One has the ids and idempotency keys that were
 * accepted in the last 24 hours, and with which body: core is authoritative, this lets ingress answer a repeat
 * at once, also while core is away. The other has each `webhook-id` for as long as its signature can hold.
 *
 * Bounded by LIMIT_REPEAT_ENTRIES and LIMIT_WEBHOOK_IDS. A connector may have as many entries as there are
 * free ones; over that its own oldest go. Of a webhook-id that went so, the time is kept: a request of that
 * connector that was not signed later cannot be told from a repeat (REPEAT_E_STALE).
 *
 * It survives because every event's record in the spool carries its entries (aux), and because what a segment
 * says is written to a log of its own (repeat.log and repeat.old, webhook.log and webhook.old in the spool's
 * folder) before that segment is deleted. An entry counts at once, so that a repeat inside one batch is seen,
 * but reaches the log only after its event was flushed. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"

#define REPEAT_KEY_LEN  16
#define REPEAT_BODY_LEN 8
#define REPEAT_AUX_LEN  (REPEAT_KEY_LEN + REPEAT_BODY_LEN + 8)

struct repeat;

/* What a request is recognised by; each counts for itself. */
enum repeat_space {
    REPEAT_MESSAGE_ID = 'i',  /* a message's id */
    REPEAT_MESSAGE_KEY = 'k', /* a message's Idempotency-Key */
    REPEAT_KEYED_ID = 'c',    /* the id, in its conversation, of a message that has a key */
    REPEAT_EDIT_KEY = 'e',    /* an edit's, of one message */
    REPEAT_WEBHOOK = 'w',     /* a webhook-id of a call that changes something */
    REPEAT_QUESTION = 'q',    /* one of a call that asks */
    REPEAT_BEFORE = 0,        /* as older versions kept all of them; such are known for 24 hours
                                 after the upgrade */
};
struct repeat_name {
    enum repeat_space space;
    struct view word;
    struct view
        within; /* REPEAT_EDIT_KEY: the id of the message; REPEAT_KEYED_ID: the thread */
};

struct repeat_entry {
    unsigned char key[REPEAT_KEY_LEN];   /* of connector and name */
    unsigned char body[REPEAT_BODY_LEN]; /* of the request's bytes */
    int64_t at_ms;  /* wall time of the first; a webhook-id's, when it was signed */
    uint16_t owner; /* who the connector is, about; 0 an older version did not say */
    bool webhook;   /* of the index of webhook-ids */
    bool gone;
};

enum {
    REPEAT_E_SAME = 1, /* the same key with the same body */
    REPEAT_E_OTHER,    /* the same key with another body */
    REPEAT_E_UNKNOWN,  /* no such key */
    REPEAT_E_STALE,    /* a webhook-id that may have been forgotten */
};

/* -EIO, -ENOMEM. */
AMO_MUSTCHECK int repeat_entry_make(struct view connector, const struct repeat_name *name,
                                    struct view body, int64_t now_ms, struct repeat_entry *ret);
/* Makes @e, an entry of @connector, one of the same body under another name, which spares hashing the body again. Errors
 * as above; @e is then as it was. */
AMO_MUSTCHECK int repeat_entry_rename(struct view connector, const struct repeat_name *name,
                                      struct repeat_entry *e);
/* The entry as it is stored beside its event. */
void repeat_entry_encode(const struct repeat_entry *e, unsigned char ret[REPEAT_AUX_LEN]);

/* Reads the logs in folder @dir; entries older than 24 hours at @now_ms are left. -errno. */
AMO_MUSTCHECK int repeat_open(const char *dir, int64_t now_ms, struct repeat **ret_repeat);
/* The same for webhook-ids. */
AMO_MUSTCHECK int repeat_open_webhooks(const char *dir, int64_t now_ms,
                                       struct repeat **ret_repeat);
/* Accepts NULL. What is not in the log stays in the spool. */
void repeat_close(struct repeat *r);
/* Every event up to this number is in the logs; those behind it are read from the spool. */
uint64_t repeat_known_to(const struct repeat *r);
/* An event found in the spool; spool_visit's function. Entries of the other index are passed over, and so is
 * an aux that is not of entries, one after the other.
 * @arg is the struct repeat. -ENOMEM. */
AMO_MUSTCHECK int repeat_learn(void *arg, uint64_t number, struct view aux);

/* 0 when @e is new, REPEAT_E_*. Forgets what is too old. */
AMO_MUSTCHECK int repeat_check(struct repeat *r, const struct repeat_entry *e);
/* When the key was first taken, wall time. REPEAT_E_UNKNOWN, also when that is too long ago at
 * @now_ms; -EIO, -ENOMEM. */
AMO_MUSTCHECK int repeat_find(const struct repeat *r, struct view connector,
                              const struct repeat_name *name, int64_t now_ms,
                              int64_t *ret_at_ms);
/* Its event was appended to the spool. -ENOMEM: the repeat will be core's to see. */
AMO_MUSTCHECK int repeat_add(struct repeat *r, const struct repeat_entry *e);
/* All events below @next are flushed, and so all entries added so far. */
void repeat_confirm(struct repeat *r, uint64_t next);
/* Confirmed entries are on disk when this returns 0. -errno. */
AMO_MUSTCHECK int repeat_sync(struct repeat *r);
size_t repeat_count(const struct repeat *r);
