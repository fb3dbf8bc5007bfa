/* The checkpoint thread: how it waits, when it checkpoints the log of SQLite, when it empties
 * it, and how the loop asks for that.
 *
 * Before 3.51.3, SQLite does not notice that a commit begins the log again while a checkpoint is about to read what
 * there is to do (sqlite.org/wal.html, "The WAL-Reset Bug"): the new log counts as moved up to where the old one
 * ended, so others read old pages, and at last what was committed there is overwritten. A log is only begun again
 * after all of it was moved. So the thread never checkpoints one of which that may be true: there must be something
 * in it that is not moved for certain, or the loop must stand still. */

#include "core/store/checkpoint.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include <sqlite3.h>

#include "base/mem.h"
#include "core/store/db.h"

/* Passive checkpoints take what no reader needs and lock out nobody. */
#define CHECKPOINT_EVERY_MS 500
/* to clean, a moment in which nobody writes or reads is needed: looked for so often … */
#define CLEAN_EVERY_MS      20
/* … and waited for so long, because the loop waits meanwhile if it wants to write */
#define CLEAN_BUSY_MS       50
/* from this part of its bound on the log is moved without waiting for the next turn */
#define LOG_SOON            4
/* What is moved makes the file grow before the log can shrink: on a disk with little room the log may
 * take this part of it. So much of a log is too little to look at the disk for. */
#define LOG_ROOM            4
#define LOG_LITTLE          (64 << 10)

struct checkpoint {
    sqlite3 *handle;
    pthread_t thread;
    int64_t log_max_bytes;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_cond_t gap_over;
    bool stopping;
    bool soon;        /* the log is large enough to be taken over out of turn */
    bool wants_gap;   /* more was written during a checkpoint than may be */
    bool cut;         /* in the gap the log also gives its space back */
    bool gap;         /* the loop stands between two commits until the log is taken over */
    bool rebuild;     /* with the next cleaning */
    bool all_moved;   /* or not known: the next commit may begin the log again */
    uint64_t begun;   /* commits of the loop, counted before they are made … */
    uint64_t done;    /* … and the newest that is in the log */
    uint64_t seen;    /* what was begun when the last checkpoint had ended */
    uint64_t wanted;  /* the newest ticket */
    uint64_t cleaned; /* the newest that stands */
};

/* Sleeps one period; true when it is time to go. */
static bool checkpoint_wait(struct checkpoint *c, long ms)
{
    struct timespec until;
    bool stop = false;

    (void)clock_gettime(CLOCK_MONOTONIC, &until); /* always there */
    until.tv_nsec += ms * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    (void)pthread_mutex_lock(&c->lock);
    if (!c->stopping && !c->gap && (c->wanted == c->cleaned || ms < CHECKPOINT_EVERY_MS))
        (void)pthread_cond_timedwait(&c->wake, &c->lock, &until); /* early is harmless */
    stop = c->stopping;
    (void)pthread_mutex_unlock(&c->lock);
    return stop;
}

/* A commit that was begun when the last checkpoint had ended was no part of it. One that was begun before may have
 * been, and does not count: it is moved with the next. Nor does one that changed nothing: it is not in the log. */
static bool has_news(struct checkpoint *c)
{
    bool news = false;

    (void)pthread_mutex_lock(&c->lock);
    news = !c->all_moved || c->done > c->seen;
    (void)pthread_mutex_unlock(&c->lock);
    return news;
}

/* Only with has_news(), or while the loop stands still. @ret_pages: in the log; @ret_moved: of these; -1 not known.
 * An empty log has nothing that was moved, and is not begun again. The pages of one that was begun again meanwhile
 * seem not to be moved, and are not. */
static int checkpoint_log(struct checkpoint *c, int mode, int *ret_pages, int *ret_moved)
{
    int pages = -1;
    int moved = -1;
    int rc = sqlite3_wal_checkpoint_v2(c->handle, NULL, mode, &pages, &moved);

    (void)pthread_mutex_lock(&c->lock);
    c->all_moved = pages != 0 && moved >= pages;
    c->seen = c->begun;
    (void)pthread_mutex_unlock(&c->lock);
    *ret_pages = pages;
    *ret_moved = moved;
    return rc;
}

/* Something new in the log, by a commit that changes nothing but its link. False: somebody else writes. */
static bool make_news(struct checkpoint *c)
{
    bool made = sqlite3_exec(c->handle, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK;

    if (!made)
        return false;
    made = db_link_through(c->handle) == SQLITE_OK &&
           sqlite3_exec(c->handle, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
    if (!made) /* there may be nothing left to undo */
        (void)sqlite3_exec(c->handle, "ROLLBACK", NULL, NULL, NULL);
    return made;
}

static bool empty_log(struct checkpoint *c)
{
    int pages = 0;
    int moved = 0;

    return (has_news(c) || make_news(c)) &&
           checkpoint_log(c, SQLITE_CHECKPOINT_TRUNCATE, &pages, &moved) == SQLITE_OK;
}

/* The log is emptied behind a checkpoint that leaves nothing. False: somebody was in the way. With
 * @rebuild the file is rewritten, if nobody is in the way before, so that the log does not grow
 * for nothing; @ret_rebuilt: that need not be done again, even if the log could not be emptied. */
static bool clean_now(struct checkpoint *c, bool rebuild, bool *ret_rebuilt)
{
    bool clean = false;

    *ret_rebuilt = false;
    (void)sqlite3_busy_timeout(c->handle, CLEAN_BUSY_MS); /* cannot fail */
    clean = empty_log(c);
    /* VACUUM makes no link and changes what the next one follows from (db.h) */
    clean = clean && (!rebuild || make_news(c));
    if (clean && rebuild) {
        *ret_rebuilt = db_has_space(sqlite3_db_filename(c->handle, NULL)) &&
                       sqlite3_exec(c->handle, "PRAGMA temp_store=MEMORY; VACUUM", NULL, NULL,
                                    NULL) == SQLITE_OK;
        clean = empty_log(c) && *ret_rebuilt; /* also what was written in vain */
    }
    (void)sqlite3_busy_timeout(c->handle, 0);
    return clean;
}

/* True: it is wanted and could not be done yet. */
static bool checkpoint_cleans(struct checkpoint *c)
{
    uint64_t wanted = 0;
    bool rebuild = false;
    bool rebuilt = false;
    bool clean = false;
    bool again = false;

    (void)pthread_mutex_lock(&c->lock);
    wanted = c->wanted;
    rebuild = c->rebuild;
    again = wanted != c->cleaned;
    (void)pthread_mutex_unlock(&c->lock);
    if (!again)
        return false;
    clean = clean_now(c, rebuild, &rebuilt);
    (void)pthread_mutex_lock(&c->lock);
    if (clean && c->cleaned < wanted)
        c->cleaned = wanted;
    if (rebuilt)
        c->rebuild = c->rebuild && wanted != c->wanted;
    again = c->cleaned != c->wanted;
    (void)pthread_mutex_unlock(&c->lock);
    return again;
}

uint64_t checkpoint_clean(struct checkpoint *c, bool rebuild)
{
    uint64_t ticket = 0;

    (void)pthread_mutex_lock(&c->lock);
    ticket = ++c->wanted;
    c->rebuild = c->rebuild || rebuild;
    (void)pthread_cond_signal(&c->wake);
    (void)pthread_mutex_unlock(&c->lock);
    return ticket;
}

void checkpoint_withdraw(struct checkpoint *c)
{
    (void)pthread_mutex_lock(&c->lock);
    c->cleaned = c->wanted;
    c->rebuild = false;
    (void)pthread_mutex_unlock(&c->lock);
}

bool checkpoint_is_clean(struct checkpoint *c, uint64_t ticket)
{
    bool clean = false;

    (void)pthread_mutex_lock(&c->lock);
    clean = c->cleaned >= ticket;
    (void)pthread_mutex_unlock(&c->lock);
    return clean;
}

/* The log's bound, which is less where the disk has less; @ret_cut: its file is beyond that. */
static int64_t log_bound(const struct checkpoint *c, int64_t log_bytes, bool *ret_cut)
{
    const char *path = sqlite3_db_filename(c->handle, NULL);
    struct statvfs disk;
    struct stat log;
    int64_t bound = 0;

    *ret_cut = false;
    if (log_bytes < LOG_LITTLE || statvfs(path, &disk) ||
        stat(sqlite3_filename_wal(path), &log))
        return c->log_max_bytes;
    bound = ((int64_t)(disk.f_bavail * disk.f_frsize) + log.st_size) / LOG_ROOM;
    if (bound >= c->log_max_bytes)
        return c->log_max_bytes;
    *ret_cut = log.st_size > bound;
    return bound;
}

void checkpoint_before_commit(struct checkpoint *c)
{
    if (!c)
        return;
    (void)pthread_mutex_lock(&c->lock);
    c->begun++;
    (void)pthread_mutex_unlock(&c->lock);
}

void checkpoint_after_commit(struct checkpoint *c, int64_t log_bytes, bool logged)
{
    int64_t bound = 0;
    bool cut = false;

    if (!c)
        return;
    bound = log_bound(c, log_bytes, &cut);
    (void)pthread_mutex_lock(&c->lock);
    if (logged)
        c->done = c->begun;
    if (log_bytes > bound / LOG_SOON && !c->wants_gap)
        (void)pthread_cond_signal(&c->wake); /* now, not at the next half second */
    c->soon = log_bytes > bound / LOG_SOON;
    if ((c->wants_gap && c->soon) || log_bytes > bound / 2) {
        c->cut = cut;
        c->gap = true;
        (void)pthread_cond_signal(&c->wake);
        while (c->gap)
            (void)pthread_cond_wait(&c->gap_over, &c->lock); /* early is harmless */
    }
    (void)pthread_mutex_unlock(&c->lock);
}

/* A log whose every page was moved is rewritten from its beginning by the next commit. Under load
 * there are always newer pages than a checkpoint has seen, so it grows for ever: what came meanwhile
 * is moved while the loop stands still, and that is little. */
static void checkpoint_gap(struct checkpoint *c, bool gap, int in_wal, int moved)
{
    (void)pthread_mutex_lock(&c->lock);
    c->wants_gap = !gap && c->soon && moved > 0 && moved <= in_wal;
    if (gap) {
        c->gap = false;
        (void)pthread_cond_signal(&c->gap_over);
    }
    (void)pthread_mutex_unlock(&c->lock);
}

static bool is_gap(struct checkpoint *c, bool *ret_cut)
{
    bool gap = false;

    (void)pthread_mutex_lock(&c->lock);
    gap = c->gap;
    *ret_cut = gap && c->cut;
    (void)pthread_mutex_unlock(&c->lock);
    return gap;
}

static void *checkpoint_main(void *arg)
{
    struct checkpoint *c = arg;
    bool reads = false;
    bool again = false;
    bool stop = false;

    do {
        int in_wal = -1;
        int moved = -1;
        bool gap = false;
        bool cut = false;

        stop = checkpoint_wait(c, again ? CLEAN_EVERY_MS : CHECKPOINT_EVERY_MS);
        gap = is_gap(c, &cut);
        /* A connection learns with its first read that there is a log; until then a checkpoint
         * does nothing and says that all is well. */
        if (!reads)
            reads =
                sqlite3_exec(c->handle, "PRAGMA schema_version", NULL, NULL, NULL) == SQLITE_OK;
        /* in a gap, and once it is to stop, the loop stands still; SQLITE_BUSY only means: next time */
        if (stop || gap || has_news(c))
            (void)checkpoint_log(c,
                                 cut ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
                                 &in_wal, &moved);
        checkpoint_gap(c, gap, in_wal, moved);
        again = checkpoint_cleans(c);
    } while (!stop);
    return NULL;
}

/* A wall clock that is set back must not keep the thread asleep. */
static void init_wake(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;

    (void)pthread_condattr_init(&attributes); /* none of these can fail on Linux */
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(cond, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

int checkpoint_start(const char *db_path, int64_t log_max_bytes,
                     struct checkpoint **ret_checkpoint)
{
    struct checkpoint *c = mem_zalloc(sizeof(*c));
    sigset_t all;
    sigset_t old;
    int rc = 0;

    if (!c)
        return -ENOMEM;
    if (sqlite3_open_v2(db_path, &c->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK) {
        (void)sqlite3_close(c->handle);
        mem_free(c);
        return -EIO;
    }
    (void)pthread_mutex_init(&c->lock, NULL); /* default attributes: cannot fail on Linux */
    (void)pthread_cond_init(&c->gap_over, NULL);
    init_wake(&c->wake);
    (void)sqlite3_wal_autocheckpoint(
        c->handle, 0); /* cannot fail: behind its own commits, and unknown to has_news() */
    c->log_max_bytes = log_max_bytes;
    c->all_moved = true;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old); /* signals belong to the loop */
    rc = pthread_create(&c->thread, NULL, checkpoint_main, c);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc) {
        (void)sqlite3_close(c->handle);
        mem_free(c);
        return -rc;
    }
    *ret_checkpoint = c;
    return 0;
}

void checkpoint_stop(struct checkpoint *c)
{
    if (!c)
        return;
    (void)pthread_mutex_lock(&c->lock);
    c->stopping = true;
    (void)pthread_cond_signal(&c->wake);
    (void)pthread_mutex_unlock(&c->lock);
    (void)pthread_join(c->thread, NULL); /* it ends by itself */
    (void)pthread_cond_destroy(&c->wake);
    (void)pthread_cond_destroy(&c->gap_over);
    (void)pthread_mutex_destroy(&c->lock);
    (void)sqlite3_close(c->handle);
    mem_free(c);
}
