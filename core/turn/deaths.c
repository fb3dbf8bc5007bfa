/* A mapped page beside the store: what is in hand, and how often core has died with what.
 *
 * From: whoever takes up something that is kept. To: the next life of core.
 * Holds: the page. */

#include "core/turn/deaths.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/turn/turn.h"

#define PAGE_BYTES 4096
#define PAGE_MAGIC "amo-deaths-1"
/* things that are remembered; the one that is longest ago makes room */
#define SLOTS      80
/* a death weighs as much as three ends in order, and DEATHS_MAX deaths are enough */
#define DEATH      3U
/* what killed nobody for so long does not kill */
#define KEPT_MS    ((int64_t)7 * 24 * 3600 * 1000)
/* what was left out is tried again after so long; after one more death twice as long, up to an hour */
#define AGAIN_MS   60000
#define AGAIN_MAX  6

/* How the life ended that had something in hand. */
enum how {
    HOW_DIED,  /* nothing was said */
    HOW_ENDED, /* in order, and perhaps because of that */
    HOW_PLAIN, /* because of a full disk, say */
};

struct slot {
    uint32_t kind; /* enum deed_kind; 0 free */
    uint32_t weight;
    uint64_t key[3];
    int64_t at_ms;
};

/* The file, in the byte order of the machine: it never leaves it. What is in hand is read by the next life, whenever
 * this one dies: it is written in the order of the source. */
struct page {
    char magic[16];
    char version[48];
    unsigned char boot[ID_LEN];
    volatile uint32_t kind; /* 0 nothing is in hand; written last */
    volatile uint32_t how;
    volatile uint64_t key[3];
    struct slot last; /* the last death, and how many there were */
    struct slot slots[SLOTS];
};
_Static_assert(sizeof(struct page) <= PAGE_BYTES, "the file is one page");

struct deaths {
    struct page *page;
    bool is_mapped;
    bool is_over; /* nothing is noted any more */
    size_t n_slots;
    struct deed now;
    int64_t began_mono_ms;
};

static enum deed_kind dies_at;

void deaths_die_at(enum deed_kind kind)
{
    dies_at = kind;
}

/* --- the file ------------------------------------------------------------------------------- */

static bool is_sound(const struct page *p, const struct id *was)
{
    return memcmp(p->magic, PAGE_MAGIC, sizeof(PAGE_MAGIC)) == 0 &&
           memcmp(p->version, AMO_VERSION, sizeof(AMO_VERSION)) == 0 &&
           memcmp(p->boot, was->bytes, sizeof(p->boot)) == 0;
}

/* The whole page is written before it is mapped: a page without room on the disk would kill who writes to it. */
static int map_file(const char *path, const struct id *was, struct page **ret)
{
    union {
        struct page page;
        char bytes[PAGE_BYTES];
    } now;
    void *at = MAP_FAILED;
    int rc = 0;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return -errno;
    memset(&now, 0, sizeof(now));
    if (pread(fd, now.bytes, PAGE_BYTES, 0) != PAGE_BYTES || !is_sound(&now.page, was))
        memset(&now, 0, sizeof(now));
    if (ftruncate(fd, PAGE_BYTES) || pwrite(fd, now.bytes, PAGE_BYTES, 0) != PAGE_BYTES)
        rc = errno ? -errno : -EIO;
    if (rc == 0)
        at = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (rc == 0 && at == MAP_FAILED)
        rc = -errno;
    (void)close(fd); /* the mapping stays */
    *ret = rc ? NULL : at;
    return rc;
}

static bool is_same(const struct slot *s, const struct deed *d)
{
    return s->kind == (uint32_t)d->kind && memcmp(s->key, d->key, sizeof(s->key)) == 0;
}

static struct slot *find(const struct deaths *d, const struct deed *deed)
{
    for (size_t i = 0; i < SLOTS; i++) {
        if (is_same(&d->page->slots[i], deed))
            return &d->page->slots[i];
    }
    return NULL;
}

/* Its own, or a free one, or the oldest. */
static struct slot *slot_for(const struct deaths *d, const struct deed *deed)
{
    struct slot *ret = find(d, deed);

    for (size_t i = 0; !ret && i < SLOTS; i++) {
        if (d->page->slots[i].kind == 0)
            ret = &d->page->slots[i];
    }
    for (size_t i = 0; !ret && i < SLOTS; i++) {
        struct slot *oldest = &d->page->slots[0];

        for (size_t j = 1; j < SLOTS; j++)
            oldest = d->page->slots[j].at_ms < oldest->at_ms ? &d->page->slots[j] : oldest;
        ret = oldest;
    }
    if (!is_same(ret, deed)) {
        *ret = (struct slot){.kind = (uint32_t)deed->kind};
        memcpy(ret->key, deed->key, sizeof(ret->key));
    }
    return ret;
}

static void count_last(struct deaths *d)
{
    struct page *p = d->page;
    struct deed deed = {
        .kind = (enum deed_kind)p->kind, .key = {p->key[0], p->key[1], p->key[2]}
    };
    bool died = p->how == HOW_DIED;
    struct slot *s = NULL;

    if (deed.kind == DEED_NONE || p->how >= HOW_PLAIN)
        return;
    s = slot_for(d, &deed);
    s->weight += died ? DEATH : 1;
    s->at_ms = clock_unix_ms();
    if (died) {
        p->last.kind = s->kind;
        memcpy(p->last.key, s->key, sizeof(s->key));
        p->last.at_ms = s->at_ms;
        p->last.weight++;
    }
    log_line(LOG_LEVEL_ERROR, died ? "core.died" : "core.ended",
             "with=\"%s\" number=%" PRIu64 " times=%u", deed_words(deed.kind), deed.key[0],
             died ? s->weight / DEATH : s->weight);
}

static void forget_old(struct deaths *d)
{
    int64_t now = clock_unix_ms();

    for (size_t i = 0; i < SLOTS; i++) {
        struct slot *s = &d->page->slots[i];

        if (s->kind && (s->at_ms > now || now - s->at_ms > KEPT_MS))
            *s = (struct slot){0};
        d->n_slots += s->kind != 0;
    }
}

static void begin_life(struct page *p, const struct id *now)
{
    p->kind = 0;
    p->how = HOW_DIED;
    memcpy(p->magic, PAGE_MAGIC, sizeof(PAGE_MAGIC));
    memcpy(p->version, AMO_VERSION, sizeof(AMO_VERSION));
    memcpy(p->boot, now->bytes, sizeof(p->boot));
}

int deaths_open(const char *store_path, const struct id *was, const struct id *now,
                struct deaths **ret)
{
    struct deaths *d = mem_zalloc(sizeof(*d));
    struct buf path;
    int rc = 0;

    _Static_assert(sizeof(AMO_VERSION) <= sizeof(d->page->version), "it fits");
    if (!d)
        return -ENOMEM;
    buf_init(&path, 4096);
    rc = buf_add_f(&path, "%s.deaths", store_path);
    rc = rc ? rc : map_file(buf_str(&path), was, &d->page);
    if (rc)
        log_failed(LOG_LEVEL_WARN, "deaths.not_counted", rc, "file=%s.deaths", store_path);
    buf_fini(&path);
    d->is_mapped = rc == 0;
    if (rc)
        d->page = mem_zalloc(sizeof(*d->page));
    if (!d->page) {
        mem_free(d);
        return -ENOMEM;
    }
    d->began_mono_ms = clock_mono_ms();
    count_last(d);
    forget_old(d);
    begin_life(d->page, now);
    *ret = d;
    return 0;
}

void deaths_close(struct deaths *d)
{
    if (!d)
        return;
    if (d->is_mapped)
        (void)munmap(d->page, PAGE_BYTES); /* it is ours */
    else
        mem_free(d->page);
    mem_free(d);
}

/* --- in hand -------------------------------------------------------------------------------- */

static void note(struct deaths *d, const struct deed *deed)
{
    struct page *p = d->page;

    d->now = *deed;
    p->kind = 0; /* never half of one */
    for (size_t i = 0; i < AMO_COUNT(deed->key); i++)
        p->key[i] = deed->key[i];
    p->kind = (uint32_t)deed->kind;
}

void deaths_ending(struct deaths *d, bool counts)
{
    if (!d || d->is_over)
        return;
    d->is_over = true;
    d->page->how = counts ? HOW_ENDED : HOW_PLAIN;
}

struct deed deed_of(enum deed_kind kind, int64_t id)
{
    return (struct deed){.kind = kind, .key = {(uint64_t)id}};
}

struct deed deed_of_bytes(enum deed_kind kind, struct view bytes)
{
    unsigned char digest[CRYPTO_SHA256_LEN] = {0};
    struct deed ret = {.kind = kind};

    if (crypto_sha256(bytes, digest) == 0)
        memcpy(ret.key, digest, sizeof(ret.key));
    else
        ret.kind = DEED_NONE; /* no memory: this once it is not counted */
    return ret;
}

unsigned deaths_begin(const struct core *c, const struct deed *deed, struct deed *ret_outer)
{
    struct deaths *d = c->turn->deaths;
    const struct slot *s = NULL;

    *ret_outer = (struct deed){.kind = DEED_NONE};
    if (!d || d->is_over)
        return 0;
    *ret_outer = d->now;
    note(d, deed);
    if (dies_at != DEED_NONE && dies_at == deed->kind)
        (void)raise(SIGKILL);
    s = d->n_slots ? find(d, deed) : NULL;
    return s && deed->kind != DEED_NONE ? s->weight / DEATH : 0;
}

void deaths_pass(const struct core *c, const struct deed *outer)
{
    struct deaths *d = c->turn->deaths;

    if (d && !d->is_over)
        note(d, outer);
}

void deaths_end(const struct core *c, const struct deed *outer)
{
    struct deaths *d = c->turn->deaths;
    struct slot *s = d && !d->is_over && d->n_slots && d->now.kind ? find(d, &d->now) : NULL;

    if (s) {
        *s = (struct slot){0};
        d->n_slots--;
    }
    deaths_pass(c, outer);
}

static bool is_of_command(enum deed_kind kind)
{
    switch (kind) {
    case DEED_LOAD:
    case DEED_SEND:
    case DEED_RESULT:
    case DEED_LOOK:
    case DEED_AGED:
    case DEED_BACK:
    case DEED_REACH:
        return true;
    case DEED_NONE:
    case DEED_EVENT:
    case DEED_WAITING:
    case DEED_WAITING_LOAD:
    case DEED_ECHOES:
    case DEED_MOVE:
    case DEED_CALL:
    case DEED_FRAME:
        break;
    }
    return false;
}

unsigned deaths_of_command(const struct core *c, int64_t id)
{
    const struct deaths *d = c->turn->deaths;
    unsigned weight = 0;

    for (size_t i = 0; d && d->n_slots && i < SLOTS; i++) {
        const struct slot *s = &d->page->slots[i];

        if (is_of_command((enum deed_kind)s->kind) && s->key[0] == (uint64_t)id)
            weight += s->weight;
    }
    return weight / DEATH;
}

bool deaths_may_try(const struct core *c, unsigned n_deaths, int64_t now_mono_ms)
{
    unsigned doubled = n_deaths - DEATHS_MAX;

    if (n_deaths < DEATHS_MAX || !c->turn->deaths)
        return true;
    doubled = doubled < AGAIN_MAX ? doubled : AGAIN_MAX;
    return now_mono_ms - c->turn->deaths->began_mono_ms >= (int64_t)AGAIN_MS << doubled;
}

void deaths_seen(const struct core *c, struct deaths_seen *ret)
{
    const struct deaths *d = c->turn->deaths;
    const struct slot *s = NULL;

    *ret = (struct deaths_seen){0};
    if (!d || !d->page->last.weight)
        return;
    ret->n = d->page->last.weight;
    ret->at_ms = d->page->last.at_ms;
    ret->of.kind = (enum deed_kind)d->page->last.kind;
    memcpy(ret->of.key, d->page->last.key, sizeof(ret->of.key));
    s = find(d, &ret->of);
    ret->times = s ? s->weight / DEATH : 0;
}

const char *deed_words(enum deed_kind kind)
{
    switch (kind) {
#define X(name, number, words)                                                                 \
    case DEED_##name:                                                                          \
        return words;
        DEED_LIST(X)
#undef X
    }
    return "something that this version does not know";
}
