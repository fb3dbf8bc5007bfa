#include "core/phone.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* A number of so many digits is whole: what may be part of a shorter one is not of this. */
#define WHOLE_DIGITS 9

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

/* To the first digit; was there a + directly before it, but for blanks? */
static struct view to_first_digit(struct view text, bool *ret_plus)
{
    *ret_plus = false;
    while (text.len && !isdigit((unsigned char)text.ptr[0])) {
        size_t n = blank_len(text);

        if (text.ptr[0] == '+')
            *ret_plus = true;
        else if (n == 0)
            *ret_plus = false;
        text = skip(text, n ? n : 1);
    }
    return text;
}

/* Does the number end here? A bracket or a stroke stands in a number's beginning, or behind it. */
static bool is_end(char c, size_t n_digits)
{
    return n_digits >= WHOLE_DIGITS && (c == '(' || c == '/');
}

/* The digits from here to the number's end; 0 when they are too many for one. */
static size_t read_digits(struct view text, char ret[PHONE_DIGITS + 1])
{
    size_t n = 0;

    while (text.len && !is_end(text.ptr[0], n)) {
        size_t blank = blank_len(text);

        if (isdigit((unsigned char)text.ptr[0])) {
            if (n == PHONE_DIGITS)
                return 0;
            ret[n++] = text.ptr[0];
            blank = 1;
        } else if (blank == 0 && text.ptr[0] == '/') {
            blank = 1;
        }
        if (blank == 0)
            break;
        text = skip(text, blank);
    }
    ret[n] = '\0';
    return n;
}

/* Read as one number; @ret_plus: international. */
static size_t read_number(struct view text, char digits[PHONE_DIGITS + 1], bool *ret_plus)
{
    /* room for 00 before the longest number */
    struct view rest = to_first_digit(text, ret_plus);

    if (!*ret_plus && view_starts(rest, "00")) {
        *ret_plus = true;
        rest = skip(rest, 2);
    }
    return read_digits(rest, digits);
}

void phone_read(struct view text, bool abroad, struct phone *ret)
{
    char digits[PHONE_DIGITS + 1];
    bool plus = false;
    size_t n = read_number(text, digits, &plus);

    memset(ret, 0, sizeof(*ret));
    if (n == 0)
        return;
    (void)snprintf(ret->number, sizeof(ret->number), "%s%s", plus ? "+" : "",
                   digits); /* fits */
    memcpy(ret->key, digits, n + 1);
    if (!plus && !abroad && n == 11 && digits[0] == '8')
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
