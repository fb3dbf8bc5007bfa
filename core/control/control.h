#pragma once

/* amoctl's verbs: one table, one function a verb. A verb either answers in its turn (the answer
 * leaves after the commit) or waits for a remote side and answers later. */

#include "base/json.h"
#include "core/model/near.h"
#include "core/turn/turn.h"

struct dropping;
struct reaching;

/* One part of a list: so many rows, and as long as this. */
#define CONTROL_PAGE_ROWS 500
#define CONTROL_PAGE_US   2000
struct control_page {
    size_t n; /* rows, or what was passed over on the way to one */
    int64_t until_mono_us;
};
#define CONTROL_NEXT_MAX 700 /* bytes: what a list is in the order of */

struct audit;

/* The call a verb works on. */
struct control_ask {
    struct core *core;
    struct json *args;         /* parsed; an object */
    struct json_writer *w;     /* the verb writes one JSON document here */
    struct buf *error;         /* or one sentence here, with a code that is not 0 */
    struct control_wait *wait; /* set by a verb that answers later */
    bool whole;                /* what it wrote is worth having though it failed */
    const char *user;          /* who asks (core/peers/audit.h) */
    const struct audit *audit; /* what is written down of it … */
    int64_t order;             /* … as this row, which is undone with what it does; 0: none */
    int64_t whose;             /* the conversation that a word meant, for that row; 0: none */
    const char *cut;           /* the argument that was the beginning of an id; NULL: none */
    char *full;                /* owned; the id it stands for */
    char next[CONTROL_NEXT_MAX + 1]; /* control_go_on() */
};

/* EXIT_FINE, EXIT_FAILED, EXIT_USAGE, EXIT_UNREACHABLE; CONTROL_LATER with ask->wait set;
 * negative: trouble of the store. */
typedef int control_verb_fn(struct control_ask *ask);
#define CONTROL_LATER    1000
#define CONTROL_TOO_MANY "too many calls are waiting; try again"

/* One row of the table that core.c hands in. */
struct control_verb {
    const char *name; /* "channel.add" */
    control_verb_fn *fn;
};

struct control {
    struct bus_socket *socket;
    const struct control_verb *verbs;
    size_t n_verbs;
    struct list waits;     /* calls that are answered later */
    int64_t began_mono_ms; /* this life of core */
    struct dropping
        *dropping; /* core/control/drop.c: a queue drop that is under way; or NULL */
    struct reaching *
        reaching; /* core/doctor/doctor_conversations.c: a walk that is under way; or NULL. Its waits own it */
};

/* @verbs are borrowed. -ENOMEM. */
AMO_MUSTCHECK int control_new(struct core *c, const struct control_verb *verbs, size_t n);
void control_readable(void *arg);
void control_tick(struct core *c, int64_t now_mono_ms);
/* The next piece of a queue drop that is under way. */
void control_drop_on(struct core *c);
/* It ends as it is. */
void control_drop_abandon(struct core *c);
/* Calls that wait are not answered any more. */
void control_forget_waits(struct core *c);
void control_free(struct core *c);

/* --- for verbs ------------------------------------------------------------------------------ */
/* A text argument; "" when absent. Where it was the beginning of the id of an account or channel, the
 * whole id. */
struct view control_arg(struct control_ask *ask, const char *key);
/* A required one: EXIT_USAGE with words when absent, else 0. */
AMO_MUSTCHECK int control_need(struct control_ask *ask, const char *key, struct view *ret);
/* A positive number from argument @node. */
AMO_MUSTCHECK int control_id_of(struct control_ask *ask, const struct json_node *node,
                                int64_t *ret);
/* The account that argument `scope_id` names, the connector that `name` does; NULL with words and @ret_code. */
const struct reg_scope *control_scope_named(struct control_ask *ask, int *ret_code);
const struct reg_connector *control_connector_named(struct control_ask *ask, int *ret_code);
/* One object {@key: [what @fn wrote for each of the argument `ids`]}; a dry run says that it @would do with them. */
AMO_MUSTCHECK int control_each_id(struct control_ask *ask, const char *key, const char *would,
                                  int (*fn)(struct control_ask *ask, int64_t id));
/* For control_each_id(): of a dry run, which could be done. */
AMO_MUSTCHECK int control_id_alone(struct control_ask *ask, int64_t id);
/* Is this part of a list long enough? Not before it has a row; counts one more if not. Begin with {0}. */
bool control_page_is_full(struct control_page *p);
/* The list goes on behind @place, the last row of this part. */
void control_go_on(struct control_ask *ask, struct view place);
/* Writes the sentence and returns @code. */
int control_fail(struct control_ask *ask, int code, const char *fmt, ...) AMO_PRINTF(3, 4);
/* Ends a dry run: adds "dry_run" and, in words, what it "would" do to the open object, and closes that. EXIT_FINE. */
int control_would(struct control_ask *ask, const char *fmt, ...) AMO_PRINTF(2, 3);
/* EXIT_FAILED: nobody is called @word; whom it may have meant, and which verb has all names. */
int control_unknown(struct control_ask *ask, enum near_what what, struct view word);
/* A copy of @v, "" for none. -ENOMEM. */
AMO_MUSTCHECK int control_copy(struct view v, char **ret);
/* EXIT_FAILED with words while commands wait for an account of @channel, or for @connector; the
 * other one is NULL. 0: none do. */
AMO_MUSTCHECK int control_refuse_waiting(struct control_ask *ask, const char *channel,
                                         const char *connector);

/* --- verbs that wait ------------------------------------------------------------------------ */
/* Answers once every live ingress holds the present registry, or after 20 s with a warning.
 * The document written so far is the answer. */
int control_wait_registry(struct control_ask *ask);
/* Answers when control_wait_done is called. NULL: no memory. @fini frees @arg. */
struct control_wait *control_wait_new(struct core *c, void *arg, void (*fini)(void *arg));
void *control_wait_arg(struct control_wait *w);
/* @rc 0: a question was asked, and @w waits for its answer: CONTROL_LATER. Otherwise it could not be
 * asked: nothing waits, and the error is returned, with an explanation. */
AMO_MUSTCHECK int control_asked(struct control_ask *ask, struct control_wait *w, int rc);
/* The verb fails after all, in its own turn: nothing waits for it. @arg is freed. */
void control_wait_drop(struct control_wait *w);
/* The document @json (VIEW_NONE: none) and @error (NULL: none) go out once the registry is held
 * when @code is 0. */
void control_wait_done(struct control_wait *w, int code, struct view json, const char *error);
/* The same at once: nothing in the registry has changed. */
void control_wait_tell(struct control_wait *w, int code, struct view json, const char *error);
