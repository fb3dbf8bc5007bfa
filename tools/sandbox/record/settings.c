/* What: the table of settings: name, place, bounds, first value. */
#include "tools/sandbox/record/settings.h"

#include <string.h>

#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/record/world.h"

enum {
    INT_ROWS = 13,
    BOOL_ROWS = 3
};

static const struct {
    const char *name;
    size_t offset;
    int64_t low;
    int64_t high;
    int64_t initial;
} int_rows[INT_ROWS] = {
    {"clock_offset_ms",       offsetof(struct settings, clock_offset_ms),       -4000000000000,
     4000000000000,                                                                                       0      },
    {"repeat",                offsetof(struct settings, repeat),                200,            400,      200    },
    {"history_delay_ms",      offsetof(struct settings, history_delay_ms),      0,              600000,   0      },
    {"webhook_timeout_ms",    offsetof(struct settings, webhook_timeout_ms),    1,              600000,   5000   },
    {"webhook_concurrency",   offsetof(struct settings, webhook_concurrency),   1,              1024,     64     },
    {"client_concurrency",    offsetof(struct settings, client_concurrency),    1,              1024,     64     },
    {"client_timeout_ms",     offsetof(struct settings, client_timeout_ms),     1,              600000,   15000  },
    {"client_backoff_ms",     offsetof(struct settings, client_backoff_ms),     1,              600000,   100    },
    {"client_backoff_max_ms", offsetof(struct settings, client_backoff_max_ms), 1,              600000,
     5000                                                                                                        },
    {"client_give_up",        offsetof(struct settings, client_give_up),        0,              1000000,  0      },
    {"max_journal",           offsetof(struct settings, max_journal),           0,              20000000, 200000 },
    {"max_messages",          offsetof(struct settings, max_messages),          0,              20000000, 1000000},
    {"max_log",               offsetof(struct settings, max_log),               0,              20000000, 1000000},
};
static const struct {
    const char *name;
    size_t offset;
    bool initial;
} bool_rows[BOOL_ROWS] = {
    {"webhook_newline", offsetof(struct settings, webhook_newline), true},
    {"tls_verify",      offsetof(struct settings, tls_verify),      true},
    {"keep_alive",      offsetof(struct settings, keep_alive),      true},
};
static const char *const journal_names[] = {"full", "brief", "off"};
static const char *const spelling_names[] = {"any", "old", "new"};

static int64_t *settings_int(struct settings *s, size_t row)
{
    return (int64_t *)(void *)((char *)s + int_rows[row].offset);
}

static bool *settings_bool(struct settings *s, size_t row)
{
    return (bool *)(void *)((char *)s + bool_rows[row].offset);
}

void settings_init(struct settings *s)
{
    *s = (struct settings){.journal = JOURNAL_FULL};
    for (size_t i = 0; i < INT_ROWS; i++)
        *settings_int(s, i) = int_rows[i].initial;
    for (size_t i = 0; i < BOOL_ROWS; i++)
        *settings_bool(s, i) = bool_rows[i].initial;
}

static void settings_patch_int(struct settings *s, size_t row, struct json_object *v,
                               struct jcheck *c)
{
    int64_t n = json_object_get_int64(v);

    if (!json_object_is_type(v, json_type_int))
        jcheck_fail(c, "", int_rows[row].name, "must be an integer");
    else if (n < int_rows[row].low || n > int_rows[row].high)
        jcheck_fail(c, "", int_rows[row].name, "is out of range");
    else
        *settings_int(s, row) = n;
}

static void settings_patch_spelling(struct settings *s, const char *key, const char *word,
                                    struct jcheck *c)
{
    for (size_t i = 0; i < AMO_COUNT(spelling_names); i++) {
        if (strcmp(word, spelling_names[i]) == 0) {
            s->status_spelling = (enum settings_spelling)i;
            return;
        }
    }
    jcheck_fail(c, "", key, "must be any, old or new");
}

static bool settings_patch_words(struct settings *s, const char *key, struct json_object *v,
                                 struct jcheck *c)
{
    const char *word =
        json_object_is_type(v, json_type_string) ? json_object_get_string(v) : "";

    if (strcmp(key, "unknown_refs") == 0) {
        s->adopt_unknown = strcmp(word, "adopt") == 0;
        if (!s->adopt_unknown && strcmp(word, "refuse") != 0)
            jcheck_fail(c, "", key, "must be refuse or adopt");
        return true;
    }
    if (strcmp(key, "file_details") == 0) {
        s->lenient_files = strcmp(word, "optional") == 0;
        if (!s->lenient_files && strcmp(word, "required") != 0)
            jcheck_fail(c, "", key, "must be required or optional");
        return true;
    }
    if (strcmp(key, "status_spelling") == 0) {
        settings_patch_spelling(s, key, word, c);
        return true;
    }
    if (strcmp(key, "echo") == 0) {
        s->echo = strcmp(word, "early") == 0   ? ECHO_EARLY
                  : json_object_get_boolean(v) ? ECHO_AFTER
                                               : ECHO_OFF;
        if (!json_object_is_type(v, json_type_boolean) && s->echo != ECHO_EARLY)
            jcheck_fail(c, "", key, "must be true, false or early");
        return true;
    }
    if (strcmp(key, "journal") != 0)
        return false;
    for (size_t i = 0; i < AMO_COUNT(journal_names); i++) {
        if (strcmp(word, journal_names[i]) == 0) {
            s->journal = (enum settings_journal)i;
            return true;
        }
    }
    jcheck_fail(c, "", key, "must be full, brief or off");
    return true;
}

static void settings_patch_one(struct settings *s, const char *key, struct json_object *v,
                               struct jcheck *c)
{
    for (size_t i = 0; i < INT_ROWS; i++) {
        if (strcmp(key, int_rows[i].name) == 0) {
            settings_patch_int(s, i, v, c);
            return;
        }
    }
    for (size_t i = 0; i < BOOL_ROWS; i++) {
        if (strcmp(key, bool_rows[i].name) == 0) {
            if (!json_object_is_type(v, json_type_boolean))
                jcheck_fail(c, "", key, "must be a boolean");
            *settings_bool(s, i) = json_object_get_boolean(v);
            return;
        }
    }
    if (!settings_patch_words(s, key, v, c))
        jcheck_fail(c, "", key, "is not a setting");
}

void settings_patch(struct settings *s, struct json_object *o, struct jcheck *c)
{
    struct settings changed = *s;

    if (!json_object_is_type(o, json_type_object)) {
        jcheck_fail(c, "", "body", "must be an object");
        return;
    }
    for (struct jread_walk w = jread_walk(o); jread_next(&w);)
        settings_patch_one(&changed, w.key, w.value, c);
    if (changed.repeat != 200 && changed.repeat != 400)
        jcheck_fail(c, "", "repeat", "must be 200 or 400");
    if (!jcheck_bad(c))
        *s = changed;
}

struct json_object *settings_json(const struct settings *s)
{
    struct json_object *o = json_object_new_object();
    struct settings copy = *s;

    for (size_t i = 0; i < INT_ROWS; i++)
        jread_add_int(o, int_rows[i].name, *settings_int(&copy, i));
    for (size_t i = 0; i < BOOL_ROWS; i++)
        jread_add_bool(o, bool_rows[i].name, *settings_bool(&copy, i));
    if (s->echo == ECHO_EARLY)
        jread_add_str(o, "echo", "early");
    else
        jread_add_bool(o, "echo", s->echo == ECHO_AFTER);
    jread_add_str(o, "file_details", s->lenient_files ? "optional" : "required");
    jread_add_str(o, "unknown_refs", s->adopt_unknown ? "adopt" : "refuse");
    jread_add_str(o, "status_spelling", spelling_names[s->status_spelling]);
    jread_add_str(o, "journal", journal_names[s->journal]);
    return o;
}
