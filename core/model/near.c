/* Compares a name with those of the registry, without what people leave out or write otherwise. */

#include "core/model/near.h"

#include <ctype.h>
#include <string.h>

#include "base/nearest.h"

#define NAME_MAX_BYTES 160 /* a scope id has 73; more is not compared */

struct folded {
    char text[NAME_MAX_BYTES];
    size_t len;
};

/* Small letters, without blanks and what stands between the digits of a phone. */
static struct view fold(struct view name, struct folded *f)
{
    f->len = 0;
    for (size_t i = 0; i < name.len && f->len < sizeof(f->text); i++) {
        if (name.ptr[i] && !strchr(" +-()_.\t\"'", name.ptr[i]))
            f->text[f->len++] = (char)tolower((unsigned char)name.ptr[i]);
    }
    return view_make(f->text, f->len);
}

static bool is_folded(struct view a, struct view b)
{
    struct folded fa;
    struct folded fb;
    struct view x = fold(a, &fa);

    return x.len > 0 && view_equal(x, fold(b, &fb));
}

static bool is_near(struct view a, struct view b)
{
    struct folded fa;
    struct folded fb;
    struct view x = fold(a, &fa);
    struct view y = fold(b, &fb);

    return x.len > 0 && (view_equal(x, y) || nearest_is_near(x, y));
}

/* --- accounts, channels, connectors ----------------------------------------------------------- */

static bool is_near_account(const struct reg_scope *s, struct view word)
{
    return is_near(word, view_of(s->id)) || is_near(word, view_of(s->account)) ||
           (s->title && is_near(word, view_of(s->title)));
}

static void add_account(const struct reg_scope *s, struct buf *out)
{
    (void)buf_add_f(out, "; did you mean %s", s->id);
    if (s->title && *s->title)
        (void)buf_add_f(out, " (%s)", s->title);
    (void)buf_add_char(out, '?');
}

void near_words(const struct registry *r, enum near_what what, struct view word,
                struct buf *out)
{
    size_t n = what == NEAR_ACCOUNT   ? r->n_scopes
               : what == NEAR_CHANNEL ? r->n_channels
                                      : r->n_connectors;

    for (size_t i = 0; i < n; i++) {
        struct view name = what == NEAR_CHANNEL     ? view_of(r->channels[i].id)
                           : what == NEAR_CONNECTOR ? view_of(r->connectors[i].name)
                                                    : VIEW_NONE;

        if (what == NEAR_ACCOUNT ? !is_near_account(&r->scopes[i], word) : !is_near(word, name))
            continue;
        if (what == NEAR_ACCOUNT)
            add_account(&r->scopes[i], out);
        else
            (void)buf_add_f(out, "; did you mean %.*s?", (int)name.len, name.ptr);
        return;
    }
}

/* --- sources ---------------------------------------------------------------------------------- */

static struct view digits_of(struct view name, struct folded *f)
{
    f->len = 0;
    for (size_t i = 0; i < name.len && f->len < sizeof(f->text); i++) {
        if (isdigit((unsigned char)name.ptr[i]))
            f->text[f->len++] = name.ptr[i];
    }
    return view_make(f->text, f->len);
}

/* As many digits, but others: another line of the same kind, and no slip. */
static bool is_another_number(struct view a, struct view b)
{
    struct folded fa;
    struct folded fb;
    struct view x = digits_of(a, &fa);
    struct view y = digits_of(b, &fb);

    return x.len == y.len && !view_equal(x, y);
}

const struct reg_source *near_source(const struct registry *r, struct view connector,
                                     struct view source)
{
    const struct reg_source *found = NULL;
    bool sure = false;

    for (size_t i = 0; i < r->n_sources && !sure; i++) {
        const struct reg_source *s = &r->sources[i];
        struct view name = view_of(s->source);

        if (view_is(connector, s->connector)) {
            sure = is_folded(source, name);
            if (sure || (is_near(source, name) && !is_another_number(source, name)))
                found = s;
        } else if (!found && view_equal(source, name)) {
            found = s;
        }
    }
    return found;
}
