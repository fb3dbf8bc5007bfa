#pragma once

/* The keys by which messages, and the events that wait for them, are found. They are spelled here and
 * nowhere else, and one needs the name of a space: ids that are counted separately never collide.
 *
 *   mid       ours, in one way only (docs/delivery.md, "Identity")
 *   amo       amo's id of a message, within the account it belongs to
 *   sent      a service's id of what it sent to us: from clients, or as a report from its own side
 *   answered  a service's id of what we sent to it: from its answer
 *   within    the same of a message that gave the id up to a newer one of another conversation: there
 *             are services that count the messages of each conversation from 1
 *
 * A key of `mid` and `answered` may lead to another sender's message: the caller says whose it must be
 * (core/intake/lookup.h). */

#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "proto/limits.h"

/* Two ids, a number, the letter of the space and what parts them. */
#define KEY_MAX (2 * LIMIT_ID + 24)

struct key {
    char text[KEY_MAX];
};

enum {
    KEY_E_NONE =
        1, /* no id: empty, over-long, or with a byte that is not text. It finds nothing */
};

AMO_MUSTCHECK int key_mid(struct view mid, struct key *ret);
AMO_MUSTCHECK int key_amo(struct view scope, struct view id, struct key *ret);
AMO_MUSTCHECK int key_sent(struct view connector, struct view id, struct key *ret);
AMO_MUSTCHECK int key_answered(struct view connector, struct view id, struct key *ret);
/* Not of a message: what waits for the end of whatever is tried in a conversation that the service calls so. */
AMO_MUSTCHECK int key_thread(struct view connector, struct view thread, struct key *ret);
/* @conversation: our number of it. */
AMO_MUSTCHECK int key_within(struct view connector, int64_t conversation, struct view id,
                             struct key *ret);
