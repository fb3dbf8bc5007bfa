/* What: rules that make calls go wrong, looked through from the first one on.
 * From: acts/control (made, shown), gate (played).
 * To:   the same.
 * Holds: the rules, until they are taken away. */
#include "tools/sandbox/record/faults.h"

#include <string.h>

#include "base/mem.h"
#include "tools/sandbox/kit/text.h"

enum {
    RULES_MAX = 10000,
    DELAY_MAX_MS = 600000
};

static const char *const cuts[] = {NULL, "before", "after"}; /* by enum fault_cut */

/* Both sides, and the kinds of their calls. */
static const char *const known[] = {
    "amojo",
    "amojo.connect",
    "amojo.disconnect",
    "amojo.chats",
    "amojo.new_message",
    "amojo.edit_message",
    "amojo.delivery_status",
    "amojo.typing",
    "amojo.react",
    "amojo.history",
    "amojo.other",
    "service",
    "service.message.created",
    "service.reaction.changed",
    "service.typing.started",
    "service.delivery.failed",
    "service.connector.test",
    "service.other",
};

struct fault {
    uint64_t number;
    char on[96];
    char *match;
    int64_t times; /* left; -1 = for ever */
    int64_t skip;
    double probability;
    uint64_t random;
    uint64_t played;
    struct fault_play play;
};

static void fault_free(struct fault *r)
{
    if (!r)
        return;
    fault_play_fini(&r->play);
    mem_free(r->match);
    mem_free(r);
}

/* xorshift64*: the same seed gives the same run everywhere. */
static double fault_random(struct fault *r)
{
    uint64_t x = r->random;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    r->random = x;
    return (double)((x * 0x2545F4914F6CDD1DULL) >> 11) / 9007199254740992.0;
}

static struct blob *fault_read_body(struct json_object *rule)
{
    struct json_object *v = jread_get(rule, "body");
    const char *text = NULL;

    if (!v)
        return NULL;
    text = json_object_is_type(v, json_type_string)
               ? json_object_get_string(v)
               : json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN);
    return blob_new(text, strlen(text));
}

/* A rule for what no call is would be played by none, and look as if the bridge had made no such call. */
static bool is_known(const char *on)
{
    for (size_t i = 0; i < AMO_COUNT(known); i++) {
        if (strcmp(on, known[i]) == 0)
            return true;
    }
    return false;
}

static void fault_read_texts(struct fault *r, struct json_object *rule, struct jcheck *c)
{
    const char *on = jcheck_str(c, rule, "", "on", JCHECK_REQUIRED, 0);
    const char *cut = jcheck_str(c, rule, "", "cut", JCHECK_OPTIONAL, 0);
    struct json_object *after = jread_get(rule, "retry_after");

    if (on && view_copy(view_of(on), r->on, sizeof(r->on)))
        jcheck_fail(c, "", "on", "is too long");
    if (on && !is_known(on))
        jcheck_fail(c, "", "on", "must be amojo, service or one of their kinds");
    text_set(&r->match, jcheck_str(c, rule, "", "match", JCHECK_OPTIONAL, 0));
    while (cut && r->play.cut < AMO_COUNT(cuts) &&
           !(cuts[r->play.cut] && strcmp(cut, cuts[r->play.cut]) == 0))
        r->play.cut++;
    if (r->play.cut == AMO_COUNT(cuts))
        jcheck_fail(c, "", "cut", "must be before or after");
    if (view_copy(view_of(after ? json_object_get_string(after) : ""), r->play.retry_after,
                  sizeof(r->play.retry_after)))
        jcheck_fail(c, "", "retry_after", "is too long");
}

static void fault_read_chance(struct fault *r, struct json_object *rule, struct jcheck *c)
{
    struct json_object *p = jread_get(rule, "probability");

    r->probability = p ? json_object_get_double(p) : 1.0;
    if (!(r->probability >= 0.0 && r->probability <= 1.0))
        jcheck_fail(c, "", "probability", "must be 0 to 1");
    r->random = (uint64_t)jread_int(rule, "seed", 1) * 0x9E3779B97F4A7C15ULL;
    r->random = r->random ? r->random : 1;
}

static void fault_read(struct fault *r, struct json_object *rule, struct jcheck *c)
{
    struct fault_play *p = &r->play;

    fault_read_texts(r, rule, c);
    r->times =
        jread_get(rule, "times") ? jcheck_int(c, rule, "", "times", JCHECK_REQUIRED) : -1;
    r->skip = jcheck_int(c, rule, "", "skip", JCHECK_OPTIONAL);
    p->status = (int)jcheck_int(c, rule, "", "status", JCHECK_OPTIONAL);
    if (p->status != 0 && (p->status < 200 || p->status > 999))
        jcheck_fail(c, "", "status", "must be 200 to 999");
    p->process = jcheck_bool(c, rule, "", "process");
    p->delay_ms = jcheck_int(c, rule, "", "delay_ms", JCHECK_OPTIONAL);
    p->delay_before_ms = jcheck_int(c, rule, "", "delay_before_ms", JCHECK_OPTIONAL);
    if (p->delay_ms < 0 || p->delay_ms > DELAY_MAX_MS || p->delay_before_ms < 0 ||
        p->delay_before_ms > DELAY_MAX_MS)
        jcheck_fail(c, "", "delay_ms", "must be 0 to 600000");
    fault_read_chance(r, rule, c);
    p->body = fault_read_body(rule);
}

static struct json_object *fault_json(const struct fault *r)
{
    struct json_object *o = json_object_new_object();

    jread_add_uint(o, "fault", r->number);
    jread_add_str(o, "on", r->on);
    jread_add_str(o, "match", r->match);
    if (r->times >= 0)
        jread_add_int(o, "times_left", r->times);
    if (r->skip)
        jread_add_int(o, "skip_left", r->skip);
    if (r->play.status)
        jread_add_int(o, "status", r->play.status);
    if (r->play.delay_ms)
        jread_add_int(o, "delay_ms", r->play.delay_ms);
    if (r->play.delay_before_ms)
        jread_add_int(o, "delay_before_ms", r->play.delay_before_ms);
    jread_add_str(o, "cut", cuts[r->play.cut]);
    jread_add_uint(o, "played", r->played);
    return o;
}

struct json_object *faults_add(struct faults *f, struct json_object *rule, struct jcheck *c)
{
    struct fault *r = mem_zalloc(sizeof(*r));
    struct json_object *o = NULL;

    if (!r || f->rules.n >= RULES_MAX) {
        jcheck_fail(c, "", "faults", "too many rules");
        goto out;
    }
    fault_read(r, rule, c);
    if (jcheck_bad(c))
        goto out;
    r->number = f->last_number + 1;
    if (vec_add(&f->rules, r)) {
        jcheck_fail(c, "", "faults", "no memory");
        goto out;
    }
    f->last_number++;
    o = fault_json(r);
    r = NULL; /* kept */
out:
    fault_free(r);
    return o;
}

bool faults_remove(struct faults *f, uint64_t number)
{
    for (size_t i = 0; i < f->rules.n; i++) {
        struct fault *r = f->rules.at[i];

        if (r->number != number)
            continue;
        memmove(&f->rules.at[i], &f->rules.at[i + 1], (f->rules.n - i - 1) * sizeof(void *));
        f->rules.n--;
        fault_free(r);
        return true;
    }
    return false;
}

void faults_clear(struct faults *f)
{
    for (size_t i = 0; i < f->rules.n; i++)
        fault_free(f->rules.at[i]);
    vec_fini(&f->rules);
}

struct json_object *faults_json(const struct faults *f)
{
    struct json_object *o = json_object_new_object();
    struct json_object *items = jread_add_array(o, "items");

    for (size_t i = 0; i < f->rules.n; i++)
        json_object_array_add(items, fault_json(f->rules.at[i]));
    return o;
}

/* "amojo" fits every kind of that side, "amojo.new_message" only that one. */
static bool fault_fits_kind(const struct fault *r, const char *side, const char *kind)
{
    size_t n = strlen(side);

    if (strncmp(r->on, side, n) != 0)
        return false;
    return r->on[n] == '\0' || (r->on[n] == '.' && strcmp(r->on + n + 1, kind) == 0);
}

static bool fault_fits(const struct fault *r, const char *side, const char *kind,
                       const char *path, struct view body)
{
    if (r->times == 0 || !fault_fits_kind(r, side, kind))
        return false;
    return !r->match || strstr(path, r->match) ||
           strstr(body.ptr, r->match); /* bodies are closed with a NUL */
}

void faults_take(struct faults *f, const char *side, const char *kind, const char *path,
                 struct view body, struct fault_play *ret_play)
{
    *ret_play = (struct fault_play){0};
    for (size_t i = 0; i < f->rules.n; i++) {
        struct fault *r = f->rules.at[i];

        if (!fault_fits(r, side, kind, path, body))
            continue;
        if (r->skip > 0) {
            r->skip--;
            continue;
        }
        if (r->probability < 1.0 && fault_random(r) >= r->probability)
            continue;
        if (r->times > 0)
            r->times--;
        r->played++;
        *ret_play = r->play;
        ret_play->number = r->number;
        ret_play->body = blob_hold(r->play.body);
        return;
    }
}

void fault_play_fini(struct fault_play *p)
{
    blob_drop(p->body);
    *p = (struct fault_play){0};
}
