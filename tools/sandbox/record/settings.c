/* What: the table of settings: name, place, first value, what it may be. */
#include "tools/sandbox/record/settings.h"

#include <string.h>

#define MILLION    INT64_C(1000000)
#define AT(member) offsetof(struct settings, member)

/* The words of a setting, by number; "false" and "true" stand for JSON's own. */
static const char *const truths[] = {"false", "true", NULL};
static const char *const echoes[] = {"false", "true", "early", NULL};
static const char *const references[] = {"refuse", "adopt", NULL};
static const char *const details[] = {"required", "optional", NULL};
static const char *const spellings[] = {"any", "old", "new", NULL};
static const char *const journals[] = {"full", "brief", "off", NULL};

static const struct setting {
    const char *name;
    size_t at;
    int64_t initial;
    int64_t low;
    int64_t high;
    const char *const *words; /* NULL: a number */
    const char *must;         /* what is said about another value */
} rows[] = {
#define NUMBER(name, member, initial, low, high)                                               \
    {                                                                                          \
        name, AT(member), initial, low, high, NULL, NULL                                       \
    }
#define WORDS(name, member, initial, words, must)                                              \
    {                                                                                          \
        name, AT(member), initial, 0, 0, words, must                                           \
    }
    NUMBER("clock_offset_ms", clock_offset_ms, 0, -4000000 * MILLION, 4000000 * MILLION),
    NUMBER("repeat", repeat, 200, 200, 400),
    NUMBER("history_delay_ms", history_delay_ms, 0, 0, 600000),
    NUMBER("webhook_timeout_ms", webhook_timeout_ms, 5000, 1, 600000),
    NUMBER("webhook_concurrency", webhook_concurrency, 64, 1, 1024),
    NUMBER("client_concurrency", client_concurrency, 64, 1, 1024),
    NUMBER("client_timeout_ms", client_timeout_ms, 15000, 1, 600000),
    NUMBER("client_backoff_ms", client_backoff_ms, 100, 1, 600000),
    NUMBER("client_backoff_max_ms", client_backoff_max_ms, 5000, 1, 600000),
    NUMBER("client_give_up", client_give_up, 0, 0, MILLION),
    NUMBER("max_journal", max_journal, 200000, 0, 20 * MILLION),
    NUMBER("max_messages", max_messages, MILLION, 0, 20 * MILLION),
    NUMBER("max_log", max_log, MILLION, 0, 20 * MILLION),
    WORDS("webhook_newline", webhook_newline, true, truths, "must be a boolean"),
    WORDS("tls_verify", tls_verify, true, truths, "must be a boolean"),
    WORDS("keep_alive", keep_alive, true, truths, "must be a boolean"),
    WORDS("echo", echo, ECHO_OFF, echoes, "must be true, false or early"),
    WORDS("file_details", lenient_files, false, details, "must be required or optional"),
    WORDS("unknown_refs", adopt_unknown, false, references, "must be refuse or adopt"),
    WORDS("status_spelling", status_spelling, SPELLING_ANY, spellings,
          "must be any, old or new"),
    WORDS("journal", journal, JOURNAL_FULL, journals, "must be full, brief or off"),
};

static int64_t *setting_at(struct settings *s, const struct setting *row)
{
    return (int64_t *)(void *)((char *)s + row->at);
}

void settings_init(struct settings *s)
{
    for (size_t i = 0; i < AMO_COUNT(rows); i++)
        *setting_at(s, &rows[i]) = rows[i].initial;
}

/* Does @word stand for JSON's true or false? */
static bool is_truth(const char *word)
{
    return strcmp(word, "true") == 0 || strcmp(word, "false") == 0;
}

static bool setting_patch_word(const struct setting *row, struct json_object *v, int64_t *field)
{
    const char *word = json_object_get_string(v);
    enum json_type type = json_object_get_type(v);

    for (int64_t i = 0; word && row->words[i]; i++) {
        if (strcmp(row->words[i], word) != 0)
            continue;
        *field = i;
        return type == (is_truth(word) ? json_type_boolean : json_type_string);
    }
    return false;
}

static void setting_patch(struct settings *s, const struct setting *row, struct json_object *v,
                          struct jcheck *c)
{
    int64_t n = json_object_get_int64(v);

    if (row->words) {
        if (!setting_patch_word(row, v, setting_at(s, row)))
            jcheck_fail(c, "", row->name, row->must);
    } else if (!json_object_is_type(v, json_type_int)) {
        jcheck_fail(c, "", row->name, "must be an integer");
    } else if (n < row->low || n > row->high) {
        jcheck_fail(c, "", row->name, "is out of range");
    } else {
        *setting_at(s, row) = n;
    }
}

void settings_patch(struct settings *s, struct json_object *o, struct jcheck *c)
{
    struct settings changed = *s;

    if (!json_object_is_type(o, json_type_object))
        jcheck_fail(c, "", "body", "must be an object");
    for (struct jread_walk w = jread_walk(o); jread_next(&w);) {
        size_t i = 0;

        while (i < AMO_COUNT(rows) && strcmp(w.key, rows[i].name) != 0)
            i++;
        if (i < AMO_COUNT(rows))
            setting_patch(&changed, &rows[i], w.value, c);
        else
            jcheck_fail(c, "", w.key, "is not a setting");
    }
    if (changed.repeat != 200 && changed.repeat != 400)
        jcheck_fail(c, "", "repeat", "must be 200 or 400");
    if (!jcheck_bad(c))
        *s = changed;
}

struct json_object *settings_json(const struct settings *s)
{
    struct json_object *o = json_object_new_object();
    struct settings copy = *s;

    for (size_t i = 0; i < AMO_COUNT(rows); i++) {
        int64_t v = *setting_at(&copy, &rows[i]);

        if (!rows[i].words)
            jread_add_int(o, rows[i].name, v);
        else if (is_truth(rows[i].words[v]))
            jread_add_bool(o, rows[i].name, v == 1);
        else
            jread_add_str(o, rows[i].name, rows[i].words[v]);
    }
    return o;
}
