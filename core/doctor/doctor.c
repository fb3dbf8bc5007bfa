/* `amoctl doctor`: what core can see for itself, and which looks at remote sides are to be asked
 * for one by one (core/doctor/doctor_look.c).
 *
 * From: control.c. To: the caller. Holds: nothing. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/process.h"
#include "base/url.h"
#include "core/control/control.h"
#include "core/control/verbs.h"
#include "core/doctor/doctor.h"
#include "core/doctor/doctor_line.h"
#include "core/intake/intake.h"
#include "core/peers/peers.h"
#include "core/shares/shares.h"
#include "core/store/dead.h"
#include "core/store/erase.h"
#include "core/turn/deaths.h"

/* channels whose remote sides are looked at: one look may take half a minute */
#define DOCTOR_LOOKS_MAX 32
/* what core died of is a line for so long */
#define DEATH_SHOWN_MS   ((int64_t)24 * 3600 * 1000)

/* --- processes ------------------------------------------------------------------------------ */

static void check_peer(struct control_ask *ask, const struct peer *p, int64_t now)
{
    bool alive = peer_is_alive(p, now);
    bool current = p->registry_version == ask->core->turn->registry->version;
    struct check c = {.name = role_name(p->role),
                      .subject = view_of(p->name),
                      .severity = alive && current ? SEVERITY_GREEN : SEVERITY_YELLOW,
                      .action = "look at the process and its log"};

    if (alive && p->role == ROLE_INGRESS && doctor_ingress_state(ask, p))
        return;
    if (!alive)
        check_add(ask->w, &c, "silent for %" PRId64 " s", (now - p->heard_mono_ms) / 1000);
    else if (!current)
        check_add(ask->w, &c, "holds an older registry");
    else
        check_add(ask->w, &c, "alive, version %s, knows the present registry", p->version);
}

static void check_role(struct control_ask *ask, enum role role, const char *action)
{
    int64_t now = clock_mono_ms();
    struct check none = {.name = role_name(role), .severity = SEVERITY_RED, .action = action};
    size_t n_alive = 0;

    for (struct list *i = ask->core->peers->list.next; i != &ask->core->peers->list;
         i = i->next) {
        const struct peer *p = LIST_ENTRY(i, struct peer, link);

        if (p->role != role)
            continue;
        check_peer(ask, p, now);
        n_alive += peer_is_alive(p, now);
    }
    if (n_alive == 0)
        check_add(ask->w, &none, "no process of this kind is connected");
}

/* What was missing at the start of the process @name, as it says (process_lacks). */
static void check_confined(struct control_ask *ask, const char *name, const char *lacks)
{
    const bool ports = strcmp(lacks, "ports") == 0;
    const bool all = strcmp(lacks, "everything") == 0;
    struct check c = {
        .name = "confined",
        .subject = view_of(name),
        .severity = *lacks ? SEVERITY_YELLOW : SEVERITY_GREEN,
        .action = all     ? "remove the setting `confine = no` and restart it"
                  : ports ? "its unit keeps it from connecting, or a rule of the "
                            "firewall (architecture.md, Powers); or Linux 6.7"
                          : "Linux 5.13 and seccomp, also for containers; until then "
                            "give each program a user of its own (architecture.md, Powers)"};

    check_add(
        ask->w, &c, "%s%s",
        *lacks ? "at its start it could not give up what it does not need, so whoever took the "
                 "process over would have it: "
               : "has given up what it does not need",
        lacks);
}

static void check_powers(struct control_ask *ask)
{
    const char *name = config_text(ask->core->config, "name");

    check_confined(ask, *name ? name : "core", process_lacks());
    for (struct list *i = ask->core->peers->list.next; i != &ask->core->peers->list;
         i = i->next) {
        const struct peer *p = LIST_ENTRY(i, struct peer, link);

        if (*p->lacks) /* an older one does not say */
            check_confined(ask, p->name, p->lacks);
    }
}

/* @lines as process_strangers(): how many there were. */
static size_t check_strangers(struct control_ask *ask, const char *process, const char *lines)
{
    struct check c = {.name = "setting",
                      .subject = view_of(process),
                      .severity = SEVERITY_YELLOW,
                      .action = "correct the name where the process gets its environment (its "
                                "unit, compose, the shell) and restart it; amoctl config check "
                                "finds such names before"};
    size_t n = 0;

    for (; *lines; n++) {
        size_t len = strcspn(lines, "\n");
        size_t name = strcspn(lines, " \n");
        bool like = name < len;

        check_add(ask->w, &c,
                  "%.*s is set in its environment, is no setting and is ignored%s%.*s%s",
                  (int)name, lines, like ? "; did you mean " : "",
                  like ? (int)(len - name - 1) : 0, lines + name + like, like ? "?" : "");
        lines += len + (lines[len] == '\n');
    }
    return n;
}

static void check_settings(struct control_ask *ask)
{
    const char *name = config_text(ask->core->config, "name");
    size_t n = check_strangers(ask, *name ? name : "core", process_strangers());
    struct check fine = {.name = "setting", .severity = SEVERITY_GREEN};

    for (struct list *i = ask->core->peers->list.next; i != &ask->core->peers->list;
         i = i->next) {
        const struct peer *p = LIST_ENTRY(i, struct peer, link);

        n += check_strangers(ask, p->name, p->strangers);
    }
    if (n == 0)
        check_add(ask->w, &fine, "no process has told of a mistyped AMO_ variable");
}

static void check_queue(struct control_ask *ask)
{
    const struct queue *q = ask->core->queue;
    int64_t n = (int64_t)queue_count(q);
    int64_t left = q->max ? 100 - n * 100 / (int64_t)q->max : 100;
    struct check c = {.name = "queue",
                      .severity = q->full ? SEVERITY_RED : check_low(left, 0, 50),
                      .action = "amoctl queue shows for whom they wait; amoctl explain "
                                "the-queue-is-full says what to do"};

    check_add(ask->w, &c, "commands that wait: %" PRId64 "; %" PRId64 " %% left%s", n,
              left < 0 ? 0 : left, q->full ? ": events stay in the spools" : "");
}

static void check_set_aside(struct control_ask *ask)
{
    int64_t n = ask->core->intake->n_aside;
    struct check c = {.name = "set_aside",
                      .severity = n ? SEVERITY_YELLOW : SEVERITY_GREEN,
                      .action =
                          "amoctl queue shows which account's commands wait, and why; amoctl "
                          "explain account.set_aside says what to do"};

    check_add(ask->w, &c, "events from amo that wait for their account's queue: %" PRId64, n);
}

static void check_shares(struct control_ask *ask)
{
    struct buf names;
    size_t n = 0;
    struct check c = {.name = "shares",
                      .action = "amoctl connector show NAME; amoctl explain "
                                "a-connector-is-over-a-share"};

    buf_init(&names, 4096); /* as many as fit */
    n = shares_over(ask->core, &names);
    c.severity = n ? SEVERITY_YELLOW : SEVERITY_GREEN;
    check_add(ask->w, &c, "%s%s",
              n ? "over a share of core, and refused with 429:" : "no connector is over one",
              buf_str(&names));
    buf_fini(&names);
}

static int check_counts(struct control_ask *ask)
{
    int64_t dead = 0;
    int64_t arrived = 0;
    int64_t quarantine = 0;
    int64_t waiting = 0;
    int rc = store_counts(ask->core->store, &dead, &quarantine, &waiting);
    struct check letters = {.name = "dead_letters",
                            .action = "amoctl dead list; then retry or drop"};
    struct check events = {.name = "quarantine",
                           .severity = quarantine ? SEVERITY_YELLOW : SEVERITY_GREEN,
                           .action = "amoctl quarantine list; then replay or drop"};

    /* in a damaged store it might meet the damage, about which doctor is asked as well */
    if (rc == 0 && !store_damage(ask->core->store))
        rc = store_dead_arrived(ask->core->store, &arrived);
    if (rc)
        return rc;
    letters.severity = dead > arrived ? SEVERITY_YELLOW : SEVERITY_GREEN;
    check_add(ask->w, &letters, "commands given up: %" PRId64, dead - arrived);
    check_add(ask->w, &events, "events not understood or not applied: %" PRId64, quarantine);
    return 0;
}

/* --- disk and permissions ------------------------------------------------------------------- */

static void check_disk(struct control_ask *ask)
{
    const char *path = config_text(ask->core->config, "data_dir");
    struct check c = {.name = "disk",
                      .subject = view_of(path),
                      .severity = SEVERITY_RED,
                      .action =
                          "correct data_dir in core's configuration: amoctl config check FILE"};
    struct statvfs s;

    if (statvfs(path, &s) == 0)
        check_space(ask->w, path, &s);
    else
        check_add(ask->w, &c, "cannot be looked at: error %d", errno);
}

static void check_closed(struct control_ask *ask, const char *name, const char *path,
                         mode_t open, const char *action)
{
    struct check c = {
        .name = name, .subject = view_of(path), .severity = SEVERITY_RED, .action = action};
    struct stat s;

    if (stat(path, &s) != 0) {
        check_add(ask->w, &c, "cannot be looked at: error %d", errno);
        return;
    }
    if (s.st_mode & open) {
        check_add(ask->w, &c, "open to others: mode %04o", (unsigned)(s.st_mode & 07777));
        return;
    }
    c.severity = SEVERITY_GREEN;
    check_add(ask->w, &c, "closed to others: mode %04o", (unsigned)(s.st_mode & 07777));
}

static bool is_below(struct view path, struct view dir)
{
    while (dir.len && dir.ptr[dir.len - 1] == '/')
        dir.len--;
    return path.len > dir.len && path.ptr[dir.len] == '/' && dir.ptr &&
           memcmp(path.ptr, dir.ptr, dir.len) == 0;
}

static void check_store(struct control_ask *ask)
{
    const char *path = strchr(config_text(ask->core->config, "core/store"), ':');
    struct check c = {
        .name = "store", .severity = SEVERITY_RED, .action = "chmod 0600, and 0750 above"};
    struct stat s;

    path = path ? path + 1 : "";
    c.subject = view_of(path);
    if (stat(path, &s) != 0) {
        check_add(ask->w, &c, "cannot be looked at: error %d", errno);
        return;
    }
    c.severity = s.st_mode & (S_IROTH | S_IWOTH) ? SEVERITY_YELLOW : SEVERITY_GREEN;
    check_add(ask->w, &c, "%" PRId64 " KiB, mode %04o", (int64_t)s.st_size / 1024,
              (unsigned)(s.st_mode & 07777));
}

static void check_clock_doubt(struct control_ask *ask)
{
    const struct doubt *d = &ask->core->turn->doubt;
    struct check c = {.name = "clock",
                      .severity = SEVERITY_YELLOW,
                      .action = "amoctl explain the-clock-is-in-doubt"};

    if (d->on)
        check_add(ask->w, &c,
                  "in doubt (%s): nothing ends its life and nothing is deleted for"
                  " its age until amojo or an operator agrees",
                  d->why);
}

static void check_damage(struct control_ask *ask)
{
    const char *words = store_damage(ask->core->store);
    struct check c = {.name = "store",
                      .subject = view_of(store_path(ask->core->store)),
                      .severity = SEVERITY_RED,
                      .action = "amoctl explain the-store-is-damaged"};

    if (words)
        check_add(ask->w, &c, "a part of it is damaged and could not be repaired: %s", words);
}

/* What killed core lately, or would have, had it not been put aside. */
static void check_deaths(struct control_ask *ask)
{
    struct check c = {.name = "core",
                      .severity = SEVERITY_YELLOW,
                      .action = "keep its log and dump; amoctl explain core-dies"};
    char at[CLOCK_ISO_LEN + 1];
    struct deaths_seen seen;

    deaths_seen(ask->core, &seen);
    if (!seen.n || clock_unix_ms() - seen.at_ms > DEATH_SHOWN_MS)
        return;
    clock_format_iso(seen.at_ms, at);
    check_add(ask->w, &c,
              "died with something in hand: %zu time%s, last at %s: %s (%" PRIu64 ")", seen.n,
              seen.n == 1 ? "" : "s", at, deed_words(seen.of.kind), seen.of.key[0]);
}

/* What an erasure left to do. */
static int check_rewrite(struct control_ask *ask)
{
    struct check c = {.name = "store",
                      .severity = SEVERITY_YELLOW,
                      .action =
                          "restart core when no other program reads the file and the disk has"
                          " room for three copies of it"};
    bool wished = false;
    int rc = store_rebuild_is_wished(ask->core->store, &wished);

    if (wished)
        check_add(ask->w, &c, "traces of people who were erased may lie in unused parts of it");
    return rc;
}

static void check_permissions(struct control_ask *ask)
{
    const struct config *config = ask->core->config;
    const char *data = config_text(config, "data_dir");
    const char *key = config_text(config, "master_key_file");
    struct check beside = {.name = "master_key",
                           .subject = view_of(key),
                           .severity = SEVERITY_YELLOW,
                           .action = "move it, and set master_key_file"};

    check_closed(ask, "data_dir", data, S_IROTH | S_IWOTH | S_IXOTH, "chmod 0750");
    check_closed(ask, "run_dir", config_text(config, "run_dir"), S_IROTH | S_IWOTH | S_IXOTH,
                 "chmod 0750");
    check_closed(ask, "master_key", key, S_IRWXG | S_IRWXO, "chmod 0600");
    if (is_below(view_of(key), view_of(data)))
        check_add(ask->w, &beside,
                  "is stored in data_dir: whoever copies the store also copies its key");
    check_store(ask);
    check_damage(ask);
    check_deaths(ask);
    check_clock_doubt(ask);
}

/* --- public_url ----------------------------------------------------------------------------- */

/* True when it can be looked at. */
static bool check_public_url(struct control_ask *ask)
{
    struct view url = view_of(config_text(ask->core->config, "public_url"));
    struct check c = {.name = "public_url", .subject = url, .severity = SEVERITY_YELLOW};

    if (url.len == 0) {
        c.action = "set public_url in core's configuration and start core again";
        check_add(ask->w, &c, "not set: the front door cannot be looked at from outside");
        return false;
    }
    switch (url_address(url)) {
    case ADDRESS_NONE:
        c.severity = SEVERITY_RED;
        c.action = "set it to the https address under which amojo reaches ingress";
        check_add(ask->w, &c, "is no web address");
        return false;
    case ADDRESS_PERSON:
        c.severity = SEVERITY_RED;
        c.subject = VIEW_NONE;
        c.action = "leave them out: everybody who sees the address would have them";
        check_add(ask->w, &c, URL_PERSON);
        return false;
    case ADDRESS_OPEN:
        c.action = "put a proxy with a certificate before ingress";
        check_add(ask->w, &c, "is not https: texts and names travel in the open");
        return true;
    case ADDRESS_FINE:
        break;
    }
    c.severity = SEVERITY_GREEN;
    check_add(ask->w, &c, "set");
    return true;
}

/* --- the verb ------------------------------------------------------------------------------- */

static void add_look(struct json_writer *w, const char *what, const char *subject)
{
    json_open_object(w, NULL);
    json_add_text(w, "what", view_of(what));
    json_add_text(w, "subject", view_of(subject));
    json_close_object(w);
}

static const struct reg_scope *scope_of(const struct registry *r, const char *channel)
{
    for (size_t i = 0; i < r->n_scopes; i++) {
        if (!r->scopes[i].disconnected && strcmp(r->scopes[i].channel, channel) == 0)
            return &r->scopes[i];
    }
    return NULL;
}

static void check_looks(struct control_ask *ask)
{
    size_t n = ask->core->turn->registry->n_channels;
    struct check c = {.name = "amojo",
                      .severity = SEVERITY_YELLOW,
                      .action = "amoctl account connect of an account of theirs makes a signed "
                                "call; amoctl channel list names them all"};

    if (n > DOCTOR_LOOKS_MAX)
        check_add(ask->w, &c, "%zu more channels were not looked at, the first %d are",
                  n - DOCTOR_LOOKS_MAX, DOCTOR_LOOKS_MAX);
}

static void add_looks(struct control_ask *ask, bool door)
{
    const struct registry *r = ask->core->turn->registry;

    json_open_array(ask->w, "ask");
    add_look(ask->w, "reach", "");
    if (door)
        add_look(ask->w, "front_door", r->n_channels ? r->channels[0].id : "");
    for (size_t i = 0; i < r->n_channels && i < DOCTOR_LOOKS_MAX; i++) {
        const struct reg_scope *s = scope_of(r, r->channels[i].id);

        add_look(ask->w, "amojo", r->channels[i].id);
        if (s)
            add_look(ask->w, "signature", s->id);
    }
    json_close_array(ask->w);
}

int verb_doctor(struct control_ask *ask)
{
    bool door = false;
    int rc = 0;

    json_open_object(ask->w, NULL);
    json_open_array(ask->w, "checks");
    check_role(ask, ROLE_INGRESS, "start amo-ingress with the same run_dir");
    check_role(ask, ROLE_EGRESS, "start amo-egress with the same run_dir");
    check_powers(ask);
    rc = doctor_gone(ask);
    doctor_spools(ask);
    check_settings(ask);
    check_queue(ask);
    check_set_aside(ask);
    check_shares(ask);
    rc = rc ? rc : check_counts(ask);
    rc = rc ? rc : doctor_stuck(ask);
    check_disk(ask);
    check_permissions(ask);
    rc = rc ? rc : check_rewrite(ask);
    door = check_public_url(ask);
    rc = rc ? rc : doctor_registry(ask);
    doctor_reach(ask);
    doctor_fates(ask);
    rc = rc ? rc : doctor_refused(ask);
    rc = rc ? rc : doctor_changed(ask);
    check_looks(ask);
    json_close_array(ask->w);
    add_looks(ask, door);
    json_close_object(ask->w);
    return rc ? rc : EXIT_FINE;
}
