#pragma once

/* Erasing a person: removes their texts, names, phones and files from the store and the spools. Ids,
 * times, states and reasons stay. The decision and its cost: docs/adr/0011-erasing.md.
 *
 * One at a time, in steps, so that nothing else waits long:
 *
 *   spools   every ingress closes its present file and reports when core has taken all of it and the
 *            files are deleted: what the person wrote so far is in the store then, and nowhere else
 *   find     the person's conversations, their messages and commands, remote sides' answers about the
 *            person; a piece of the tables in each step
 *   apply    everything in one transaction
 *   spools   once more, for what came in the meantime
 *   clean    the log of the store and unused parts of its pages (core/store/checkpoint.h)
 *
 * What is recorded of it: one row (erasures) and one line in the log, without anything
 * personal. */

#include "core/erase/match.h"
#include "core/store/erase.h"
#include "core/turn/turn.h"

/* X(STEP, "what it does"), in this order; a step that finds nothing to do may go to the end. */
#define ERASE_STEPS(X)                                                                         \
    X(SPOOLS, "waits until the ingresses have let go of what they held")                       \
    X(CONVERSATIONS, "walks the conversations")                                                \
    X(COMMANDS, "walks the commands")                                                          \
    X(MESSAGES, "walks the messages")                                                          \
    X(EVIDENCE, "walks what remote sides said")                                                \
    X(APPLY, "takes out all that was found, in one transaction")                               \
    X(COMMITTING, "waits for its commit")                                                      \
    X(SPOOLS_AGAIN, "waits for the ingresses once more")                                       \
    X(CLEAN, "waits until the store's file is clean")                                          \
    X(END, "tells what came of it")

enum erase_step {
#define ERASE_STEP_ENUM(name, meaning) ERASE_##name,
    ERASE_STEPS(ERASE_STEP_ENUM)
#undef ERASE_STEP_ENUM
};

/* Who asked, and gets the report. */
struct erase_asker {
    void *arg; /* NULL: none, or answered already */
    /* @report: the report, VIEW_NONE none; @words: what went wrong, NULL nothing. Once. */
    void (*tell)(void *arg, int code, struct view report, const char *words);
    void (*drop)(void *arg); /* core ends: there will be no answer */
};

/* The erasure of one person. */
struct erasure {
    struct core *core;
    struct erase_asker asker;
    bool dry_run;
    bool by_phone;
    bool unowned_too;
    enum erase_step step;
    int64_t until_mono_ms; /* the end of a step that waits for others */
    int timer;
    uint64_t turn;    /* number of the present SPOOL_ROTATE */
    uint64_t ticket;  /* of the cleaning */
    uint64_t commits; /* core's when it was applied */
    /* how far the walks have come */
    int64_t at_conversation;
    int64_t at_command;
    int64_t at_message;
    int64_t at_evidence;
    int64_t newest_message; /* when the conversations were known */
    /* what is found */
    struct erase_person person;
    struct buf commands;   /* int64_t each: the person's, in other people's conversations */
    struct buf shared;     /* int64_t each: shared conversations whose client the person is */
    struct buf quarantine; /* int64_t each */
    struct buf waiting;    /* int64_t each */
    int64_t of_others; /* commands and dead letters of others in the person's conversations */
    bool second_walk;  /* of the conversations, now that the person's names are known */
    int64_t namesakes; /* conversations of the same name, but another phone */
    int64_t namesake;  /* the first of them */
    size_t evidence_phones; /* phones that were known when the walk of evidence began */
    int64_t unowned;        /* events with text about unknown messages */
    struct store_erased rows;
    int64_t given_up;    /* commands that waited */
    int64_t under_way;   /* commands in flight that lost their content */
    bool too_many;       /* conversations are left */
    bool not_clean;      /* the store could not be cleaned in time */
    bool rebuilds_later; /* it is too large to be rewritten now */
    int64_t id;          /* row of erasures; 0: nothing was found */
};

struct erase {
    struct erasure *running;   /* NULL none */
    int64_t rebuild_max_bytes; /* a larger store is not rewritten while core runs */
};

/* -ENOMEM. */
AMO_MUSTCHECK int erase_new(struct core *c);

/* @e->person holds what was asked for. Takes @e in any case. -ENOMEM, -EIO. */
AMO_MUSTCHECK int erase_start(struct core *c, struct erasure *e);
/* Continues the one under way. Outside any savepoint. */
void erase_tick(struct core *c, int64_t now_mono_ms);
/* SPOOL_ROTATED of an ingress. */
void erase_turned(struct peer *p, struct view body);
/* Ends the one under way, without a report. */
void erase_abandon(struct core *c);
void erase_free(struct core *c);

/* --- parts (find.c, report.c) --------------------------------------------------- */
/* The next piece of the present step's walk; @ret_more: there is another. */
AMO_MUSTCHECK int erase_find(struct erasure *e, bool *ret_more);
/* What came since the walks, and then everything that is small: events, chats. */
AMO_MUSTCHECK int erase_find_rest(struct erasure *e);
/* The commands that wait, int64_t each. */
AMO_MUSTCHECK int erase_find_commands(struct erasure *e, struct buf *ret_ids);
/* How many numbers are in a list of them, and one. */
size_t erase_ids(const struct buf *ids);
int64_t erase_id_at(const struct buf *ids, size_t i);
/* The report as JSON; @ret_complete: nothing of the person is left in the bridge. -ENOMEM, -EIO. */
AMO_MUSTCHECK int erase_report(struct erasure *e, struct buf *out, bool *ret_complete);
