/* Compares the names in the environment with those of the settings. */

#include "base/config_env.h"

#include <string.h>

#include "base/buf.h"
#include "base/config_keys.h"

#define NAME_MAX_LEN 63 /* a longer name is not compared letter by letter */
#define SHORT_NAME   10 /* in one of fewer letters a single one may be wrong, else two */

extern char **environ; /* POSIX names no header that declares it */

static const char prefix[] = "AMO_";

#define KEY_NAME(name, kind, fallback, meaning) name,
static const char *const keys[] = {CONFIG_KEYS(KEY_NAME)};
#undef KEY_NAME

struct word {
    char text[NAME_MAX_LEN + 1];
    size_t len;
};

/* "ingress/listen" -> "INGRESS_LISTEN". */
static struct word word_of_key(const char *key)
{
    struct word w = {.len = 0};

    for (; key[w.len] && w.len < NAME_MAX_LEN; w.len++) {
        char c = key[w.len];

        if (c == '/')
            c = '_';
        else if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        w.text[w.len] = c;
    }
    return w;
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* How many letters must be changed, left out or put in to make one of the other. */
static size_t distance(const struct word *a, const struct word *b)
{
    size_t row[NAME_MAX_LEN + 1];

    for (size_t j = 0; j <= b->len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a->len; i++) {
        size_t corner = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b->len; j++) {
            size_t above = row[j];

            row[j] =
                least(above + 1, row[j - 1] + 1, corner + (a->text[i - 1] != b->text[j - 1]));
            corner = above;
        }
    }
    return row[b->len];
}

/* Does it begin as the names of a section do: with "INGRESS_"? */
static bool is_in_section(const struct word *name, const char *key, const struct word *k)
{
    const char *slash = strchr(key, '/');
    size_t n = slash ? (size_t)(slash - key) + 1 : 0;

    return n && name->len > n && memcmp(name->text, k->text, n) == 0;
}

static void name_judge(const char *full, const struct word *name, config_stranger_fn *each,
                       void *arg)
{
    size_t near = name->len < SHORT_NAME ? 2 : 3; /* nearer than this */
    struct word like = {.len = 0};
    char shown[sizeof(prefix) + NAME_MAX_LEN];
    bool mistake = false;

    for (size_t i = 0; i < AMO_COUNT(keys); i++) {
        struct word k = word_of_key(keys[i]);
        size_t d = distance(name, &k);

        if (d == 0)
            return;
        mistake = mistake || is_in_section(name, keys[i], &k);
        if (d < near) {
            near = d;
            like = k;
        }
    }
    memcpy(shown, prefix, sizeof(prefix) - 1);
    memcpy(shown + sizeof(prefix) - 1, like.text, like.len);
    shown[sizeof(prefix) - 1 + like.len] = '\0';
    each(arg, full, mistake || like.len, like.len ? shown : NULL);
}

void config_strangers(config_stranger_fn *each, void *arg)
{
    for (char **e = environ; e && *e; e++) {
        size_t n = strcspn(*e, "=");
        char full[sizeof(prefix) + NAME_MAX_LEN];
        struct word name = {.len = n - (sizeof(prefix) - 1)};

        if (strncmp(*e, prefix, sizeof(prefix) - 1) != 0 || name.len > NAME_MAX_LEN)
            continue;
        memcpy(full, *e, n);
        full[n] = '\0';
        memcpy(name.text, full + sizeof(prefix) - 1, name.len);
        name_judge(full, &name, each, arg);
    }
}
