/* Parser for phone numbers in free text: finds the first number that is long enough, decides
 * where it ends, and compares numbers with and without the country's code. */

#include "core/model/phone.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* A number of so many digits is whole: what may be part of a shorter one is not of this. */
#define WHOLE_DIGITS 9

/* Fewer are the number of a flat or an extension, if the field has a longer one. */
#define LEAST_DIGITS 7

/* With their country, in the numbering plans of +1 and +7: what follows is an extension, or another's. */
#define PLAN_DIGITS 11

/* How a number is written and read. */
struct reading {
    bool plus;   /* international: with a + or 00 */
    bool abroad; /* the channel is not of the segment ru */
    char digits[PHONE_DIGITS + 1];
    size_t n; /* 0: they are too many for one number, or none */
};

/* Spaces, hyphens and dashes of all kinds, marks of direction: they say nothing in a number. */
static bool is_blank(uint32_t c)
{
    return c == 0xa0 || c == 0xad || (c >= 0x2000 && c <= 0x200b) ||
           (c >= 0x200e && c <= 0x2015) || (c >= 0x202a && c <= 0x202f) ||
           (c >= 0x2060 && c <= 0x2069) || c == 0x2212 || c == 0xfeff;
}

/* Bytes of what means nothing at the beginning; 0: it means something. */
static size_t blank_len(struct view text)
{
    size_t len = 0;

    if (text.len == 0 || text.ptr[0] == '\0')
        return 0;
    if (strchr(" \t-.()", text.ptr[0]))
        return 1;
    return is_blank(utf8_first(text, &len)) ? len : 0;
}

static struct view skip(struct view text, size_t n)
{
    return view_make(text.ptr + n, text.len - n);
}

/* + as it stands on a keyboard, and as wide as a Chinese letter. */
static size_t plus_len(struct view text)
{
    if (view_starts(text, "+"))
        return 1;
    return view_starts(text, "\xef\xbc\x8b") ? 3 : 0; /* U+FF0B */
}

/* To the first digit; was there a + directly before it, but for blanks? */
static struct view to_first_digit(struct view text, bool *ret_plus)
{
    *ret_plus = false;
    while (text.len && !isdigit((unsigned char)text.ptr[0])) {
        size_t n = blank_len(text);
        size_t plus = plus_len(text);

        if (n == 0)
            *ret_plus = plus > 0;
        text = skip(text, n ? n : plus ? plus : 1);
    }
    return text;
}

/* Does the number end here? A bracket or a stroke stands in a number's beginning, or behind it. */
static bool is_end(char c, size_t n_digits)
{
    return n_digits >= WHOLE_DIGITS && (c == '(' || c == '/');
}

/* Has the number all the digits that its country's numbers have? Without a + only what Russia and
 * Kazakhstan write is taken for theirs. */
static bool is_complete(const struct reading *r)
{
    if (r->n != PLAN_DIGITS)
        return false;
    if (r->plus)
        return r->digits[0] == '1' || r->digits[0] == '7';
    return !r->abroad && (r->digits[0] == '7' || r->digits[0] == '8') &&
           strchr("34789", r->digits[1]);
}

/* A hyphen or a dash; the other blanks end a number that is complete. */
static bool is_hyphen(struct view text)
{
    size_t len = 0;
    uint32_t c = utf8_first(text, &len);

    return c == '-' || (c >= 0x2010 && c <= 0x2015) || c == 0x2212;
}

/* The digits from here to the number's end; what is behind it. */
static struct view read_digits(struct view text, struct reading *r)
{
    bool many = false;
    bool tail = false; /* behind a hyphen: an extension, unless it is a name of many digits */

    while (text.len && !is_end(text.ptr[0], r->n)) {
        size_t blank = blank_len(text);

        if (isdigit((unsigned char)text.ptr[0])) {
            many = many || r->n == PHONE_DIGITS;
            if (!many)
                r->digits[r->n++] = text.ptr[0];
            blank = 1;
        } else if (blank && is_complete(r)) {
            if (!is_hyphen(text))
                break;
            tail = true;
        } else if (blank == 0 && text.ptr[0] == '/') {
            blank = 1;
        }
        if (blank == 0)
            break;
        text = skip(text, blank);
    }
    r->n = many ? 0 : tail ? PLAN_DIGITS : r->n;
    r->digits[r->n] = '\0';
    return many ? VIEW_NONE : text; /* no part of a name of many digits is a number */
}

/* The first number of the field; @ret_rest: what is behind it. */
static void read_number(struct view text, struct reading *r, struct view *ret_rest)
{
    struct view rest = to_first_digit(text, &r->plus);

    r->n = 0;
    if (!r->plus && view_starts(rest, "00")) {
        r->plus = true;
        rest = skip(rest, 2); /* there is room for 00 before the longest number */
    }
    *ret_rest = read_digits(rest, r);
}

/* The first that is long enough to be somebody's; else the first of all. */
static void read_field(struct view text, struct reading *r)
{
    struct reading next = *r;
    struct view rest = VIEW_NONE;

    read_number(text, r, &rest);
    next = *r;
    while (next.n < LEAST_DIGITS && rest.len)
        read_number(rest, &next, &rest);
    if (next.n >= LEAST_DIGITS)
        *r = next;
}

void phone_read(struct view text, bool abroad, struct phone *ret)
{
    struct reading r = {.abroad = abroad};

    read_field(text, &r);
    memset(ret, 0, sizeof(*ret));
    if (r.n == 0)
        return;
    (void)snprintf(ret->number, sizeof(ret->number), "%s%s", r.plus ? "+" : "",
                   r.digits); /* fits */
    memcpy(ret->key, r.digits, r.n + 1);
    if (!r.plus && !abroad && r.n == PLAN_DIGITS && r.digits[0] == '8')
        ret->key[0] = '7';
}

void phone_word(const struct phone *p, char ret[PHONE_WORD_MAX])
{
    (void)snprintf(ret, PHONE_WORD_MAX, "%s%s", p->number[0] == '+' ? "+" : "",
                   p->key); /* fits */
}

/* Is @a the phone @b without its 7? */
static bool lacks_country(const char *a, const char *b)
{
    b += b[0] == '+';
    return strlen(a) == 10 && a[0] != '+' && strlen(b) == 11 && b[0] == '7' &&
           strcmp(a, b + 1) == 0;
}

bool phone_same(const char *a, const char *b, bool abroad)
{
    if (strcmp(a + (a[0] == '+'), b + (b[0] == '+')) == 0)
        return true;
    return !abroad && (lacks_country(a, b) || lacks_country(b, a));
}

struct view phone_told(const char *number)
{
    bool like_russias = number && strlen(number) == 12 && number[1] == '8';

    return view_of(number && number[0] == '+' && !like_russias ? number + 1 : number);
}

bool phone_abroad(const struct registry *r, struct view scope)
{
    const struct reg_channel *c = registry_channel(r, registry_scope_channel(scope));

    return c && c->abroad;
}
