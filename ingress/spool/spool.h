#pragma once

/* The spool: ingress's own durable queue of events that core has not taken yet.
 *
 * A folder of segments (ingress/spool/segment.h) and `spool.id`. Events get numbers from 1 upwards,
 * never twice under one spool id. What is appended becomes promised with the next flush, and
 * only flushed events can be read. Which events are taken is kept in memory alone, a copy of what
 * core knows: at every new session core is asked. The low mark (below it everything is taken)
 * travels to the disk inside later records, for the time after a start until core has said what it has.
 *
 * One process a folder (it is locked), one thread. Decision: docs/adr/0002-spool.md. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"

struct spool;

/* Who writes, for the shares of the spool (ingress/spool/shares.h): half of it takes amojo's webhooks only. */
enum spool_side {
    SPOOL_AMOJO,     /* an account of amoCRM, which sends once */
    SPOOL_CONNECTOR, /* a service, which sends again */
};
struct spool_writer {
    enum spool_side side;
    struct view name; /* scope or connector; borrowed */
    bool alone;       /* SPOOL_AMOJO: there is no other account for which room must be left */
};

struct spool_config {
    const char *dir; /* made when missing, mode 0750 */
    uint64_t max_bytes;
    uint64_t max_events;   /* of all connectors together; 0 no limit */
    const struct id *boot; /* of this process, to be recorded; NULL: none */
    /* Called before a segment is deleted, so that what its aux parts say is kept elsewhere. 1: not
     * yet, the segment stays. -errno: it could not be done; the segment stays for a minute, unless
     * it is room that is missing. May be NULL. */
    int (*before_drop)(void *arg);
    /* Who wrote the event @body, for the accounts after a start. NULL: nobody is counted then. */
    void (*writer)(void *arg, struct view body, struct spool_writer *ret);
    void *arg;
};

enum {
    SPOOL_E_FULL = 1, /* over max_bytes */
    SPOOL_E_DISK,     /* the disk has no room for a segment */
    SPOOL_E_SHARE,    /* there is room, but not for this writer */
    SPOOL_E_END,      /* nothing (more) to read */
    SPOOL_E_BUSY,     /* another process has it */
};

/* SPOOL_E_BUSY, -errno. A full disk is no error here: appending reports it. */
AMO_MUSTCHECK int spool_open(const struct spool_config *config, struct spool **ret_spool);
/* What was not flushed is forgotten. Accepts NULL. */
void spool_close(struct spool *s);

const struct id *spool_id(const struct spool *s);
/* The boot ids of those who had this folder before, the last one first. Borrowed. */
struct view spool_lives(const struct spool *s);
/* A new id, on disk before this returns: the folder is a copy of another one. What is taken below
 * spool_low() was taken under the old id and stays so, as far as core still has it: below @known.
 * All the rest is yet to be sent. -errno. */
AMO_MUSTCHECK int spool_renew_id(struct spool *s, uint64_t known);
/* Core has taken something under this id, or knows nothing of it. If it did know the id before, its
 * store is now older than the id, and what was taken under the previous id must also be sent, at the
 * next spool_untake(). -errno: call it again. */
AMO_MUSTCHECK int spool_id_known(struct spool *s, bool known);
/* The lowest number that is still here and can be sent, taken or not. */
uint64_t spool_first(const struct spool *s);
/* Below it everything is taken or lost. */
uint64_t spool_low(const struct spool *s);
/* The same, as far as it was so under the present id; 1 nothing was. */
uint64_t spool_low_of_id(const struct spool *s);
/* The first number that core cannot have of this folder: it was next when the folder was opened for
 * the first time after the last session with core. */
uint64_t spool_fresh(const struct spool *s);
/* Core gave a session: it may have what is sent from now on. -errno: call it again. */
AMO_MUSTCHECK int spool_heard(struct spool *s);
/* The next number to be given. */
uint64_t spool_next(const struct spool *s);

/* Room for records of @bytes in all? 0, SPOOL_E_FULL, SPOOL_E_DISK. After one of these it stays
 * so until spool_reopen() says otherwise. */
AMO_MUSTCHECK int spool_space(struct spool *s, size_t bytes);
/* The same for @w, who may have less: SPOOL_E_SHARE, too, which says nothing of others. */
AMO_MUSTCHECK int spool_room(struct spool *s, const struct spool_writer *w, size_t bytes);
/* The event gets the next number; it is promised after spool_flush(). @aux is kept beside it.
 * SPOOL_E_FULL, SPOOL_E_DISK, SPOOL_E_SHARE; -ENOMEM; other -errno only together with a failed flush. */
AMO_MUSTCHECK int spool_append(struct spool *s, const struct spool_writer *w, struct view aux,
                               struct view body, uint64_t *ret_number);
/* One write and one sync for everything appended since the last time. After an error nothing of
 * it may be promised, and the process must end: what the kernel kept is not known. -errno. */
AMO_MUSTCHECK int spool_flush(struct spool *s);
/* Something failed for good, wherever it was noticed: the process must end, and be started again. */
bool spool_has_failed(const struct spool *s);
/* Appended since the last flush? */
bool spool_is_dirty(const struct spool *s);
/* The spool was full and has room again (an eighth of it, or of two segments on the disk). Also
 * true when it never was full. */
bool spool_reopen(struct spool *s);

/* The position of a reader; a value, so it can be kept and restored. */
struct spool_cursor {
    uint64_t segment;
    uint64_t number;
    size_t offset;
};
void spool_rewind(struct spool_cursor *c);
/* The next flushed event that is not taken. Steps over damaged records, which are logged, marked
 * as taken and kept aside. @ret_body is good until the next call of this module.
 * SPOOL_E_END, -errno (nothing moved). */
AMO_MUSTCHECK int spool_read(struct spool *s, struct spool_cursor *c, uint64_t *ret_number,
                             struct view *ret_body);
/* Core has @low … @high, both included; numbers that are not here do not matter. Deletes
 * segments that are done. -ENOMEM: not all could be marked; ask core again. */
AMO_MUSTCHECK int spool_take(struct spool *s, uint64_t low, uint64_t high);
/* Forget what is taken; core says again what it has. Marks only record what it knew. What is lost,
 * and what was taken under the previous id, stays so. -ENOMEM: some of the latter is sent again. */
AMO_MUSTCHECK int spool_untake(struct spool *s);
/* Is it taken, or not here? */
bool spool_has_taken(const struct spool *s, uint64_t number);

/* No event is appended to the present file any more, so that it is deleted when all of it is taken.
 * Nothing happens when it is empty. -ENOSPC: there is no room for the next file now; the same call
 * later. Other -errno as with a failed flush. */
AMO_MUSTCHECK int spool_rotate(struct spool *s);
/* Another try at what could not be deleted, and another look at the disk. Every now and then. */
void spool_tidy(struct spool *s);
/* Reads on, at most @bytes, to learn who wrote what was here at the start; until then it counts as of
 * connectors. Every now and then; costs nothing when all is known. */
void spool_learn(struct spool *s, size_t bytes);
/* Is everything below @number taken, and are its files deleted? Deletes what can be deleted. */
bool spool_is_gone(struct spool *s, uint64_t number);
/* Damaged files that were set aside. -errno. */
AMO_MUSTCHECK int spool_count_kept(const struct spool *s, uint64_t *ret);

/* @fn for the aux part of every event with a number of at least @from that is still here.
 * Stops at the first error of @fn and returns it. -errno. */
AMO_MUSTCHECK int spool_visit(struct spool *s, uint64_t from,
                              int (*fn)(void *arg, uint64_t number, struct view aux),
                              void *arg);

/* What the file system that it is on has left for it, and has in all; false: it cannot be asked. */
bool spool_disk(const struct spool *s, uint64_t *ret_free, uint64_t *ret_size);

struct spool_stats {
    uint64_t events;   /* not taken */
    uint64_t bytes;    /* of segments with such events */
    uint64_t segments; /* files */
    uint64_t lost;     /* damaged events stepped over since the process began */
    uint64_t
        side_bytes[2];  /* of what is not taken, a file counting whole: by enum spool_side */
    bool unreadable;    /* the disk does not read a file that is still here */
    uint64_t max_bytes; /* as configured */
};
void spool_stats(const struct spool *s, struct spool_stats *ret);
/* @fn for everybody who has an account of his own, with what it holds. */
void spool_each_share(const struct spool *s,
                      void (*fn)(void *arg, const struct spool_writer *w, uint64_t bytes,
                                 uint64_t events),
                      void *arg);
