#pragma once

/* What support switched on for a channel: its answer to the registration, without the secret, kept
 * as one JSON object, obeyed by the bridge and told in words. Pure.
 *
 * A flag that the answer does not have restricts nothing. Source: docs/amojo.md, "Support's
 * answer". */

#include "base/buf.h"
#include "base/compiler.h"
#include "base/json.h"
#include "proto/registry.h"

enum {
    CHANNEL_FLAGS_E_OBJECTION = 1, /* said in words */
};

/* Appends what is kept of the channel object @n of support's answer: one JSON object. @segment is
 * its key in the answer ("ru"), "" unknown. CHANNEL_FLAGS_E_OBJECTION, explained in @ret_words, when a
 * flag has the wrong type, because leaving it out would mean allowing everything. -ENOMEM, -ENOSPC. */
AMO_MUSTCHECK int channel_flags_keep(struct json *doc, const struct json_node *n,
                                     struct view segment, struct buf *out,
                                     struct buf *ret_words);
/* What the bridge obeys of @kept while messages pass, into @c; what cannot be read (a store of
 * before) restricts nothing. -ENOMEM. */
AMO_MUSTCHECK int channel_flags_apply(struct view kept, struct reg_channel *c);
/* May @account (its amojo id) be connected? 0; CHANNEL_FLAGS_E_OBJECTION with why not and what to
 * do in @ret_words; -ENOMEM. */
AMO_MUSTCHECK int channel_flags_admit(struct view kept, struct view account,
                                      struct buf *ret_words);
enum channel_flag_state {
    CHANNEL_FLAG_OK,
    CHANNEL_FLAG_NOTE,    /* something is missing that one may want */
    CHANNEL_FLAG_PROBLEM, /* nothing works */
};
struct channel_flag {
    const char *flag;
    struct view value; /* good for the call */
    enum channel_flag_state state;
    const char *meaning; /* a sentence for people */
};
/* Tells every flag that the answer has, in a fixed order. -ENOMEM. */
typedef void channel_flag_fn(void *arg, const struct channel_flag *f);
AMO_MUSTCHECK int channel_flags_each(struct view kept, channel_flag_fn *fn, void *arg);
/* An array "@key" of {flag, value, state, meaning}: `state` is "ok", "note" (something is missing
 * that one may want) or "problem" (nothing works). With @cares only what is not "ok". */
AMO_MUSTCHECK int channel_flags_tell(struct view kept, const char *key, bool cares,
                                     struct json_writer *w);
/* Does the channel let a client react with @emoji (VIEW_NONE: take a reaction away)? */
bool channel_takes_reaction(const struct reg_channel *c, struct view emoji);
/* @emoji as the channel's list spells it, or as it is when there is none; VIEW_NONE when it is not
 * switched on (core/model/reaction_list.h). Borrows @c or @emoji. */
struct view channel_reaction(const struct reg_channel *c, struct view emoji);
