#pragma once

/* The command line of our two tools: verbs of one or two words with options before or
 * after them. A program is a table of verbs; parsing and help come from the table alone.
 *
 * Nothing here opens a file or a socket. */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"

enum args_kind {
    ARGS_TEXT,   /* takes a value */
    ARGS_FILE,   /* takes a file's name; its content is meant, as it is */
    ARGS_SECRET, /* takes a file's name; its content is meant, without a final newline */
    ARGS_FLAG,   /* takes none */
};

struct args_option {
    const char *name; /* "reply" for --reply */
    const char *key;  /* what the program calls its value */
    enum args_kind kind;
    bool required;
    const char *word;  /* its value, as help names it; NULL for a flag */
    const char *about; /* for help */
};

#define ARGS_OPTIONS_MAX 24 /* of one verb */

struct args_verb {
    const char *group; /* "channel", or the verb itself when it has one word */
    const char *name;  /* "add"; NULL when it has one word */
    const char *about; /* for help */
    const struct args_option *options;
    size_t n_options;
    const char *operand;      /* what the program calls it; NULL: takes none */
    const char *operand_word; /* in help */
    bool many;                /* one operand or more */
    bool optional;            /* or none */
    const void *more;         /* the program's own */
};

/* A row of the table. clang-format 14 falls over the braces of uneven rows, so they are in here. */
#define ARGS_VERB(...)                                                                         \
    {                                                                                          \
        __VA_ARGS__                                                                            \
    }

/* Groups of verbs under one title of the general help. */
struct args_section {
    const char *title;
    const char *groups; /* with a blank between; one that has no verb is left out */
};

struct args_program {
    const char *name;
    const char *about;
    const char *notes; /* the end of the general help; a line each, folded there */
    const struct args_verb *verbs;
    size_t n_verbs;
    /* The general help tells these in full, and of the others which there are. Without sections it tells
     * every verb in full. */
    const char *const *daily; /* "status", "dead list"; one that is no verb is left out */
    size_t n_daily;
    const struct args_section *sections; /* a group that is in none stands under "Other" */
    size_t n_sections;
};

struct args {
    const struct args_verb *verb; /* NULL with help or version */
    const char *group;            /* help for this group; or NULL */
    const char *config;           /* --config; NULL: none */
    bool json;
    bool help;
    bool version;
    const char *values[ARGS_OPTIONS_MAX]; /* by the verb's options; NULL: not given */
    const char **words;                   /* owned; verb and operands as given */
    const char *const *operands;          /* in words */
    size_t n_operands;
};

enum {
    ARGS_E_USAGE = 1, /* said in @why, with what may have been meant and whose help to read */
};

/* All texts are borrowed from @argv and the table. Options of all verbs are known everywhere, so
 * that they may precede the verb; an option of another verb is refused. A name may be shortened to a
 * beginning that no other option of the program has.
 * 0 (then args_fini), ARGS_E_USAGE, -ENOMEM. */
AMO_MUSTCHECK int args_parse(const struct args_program *p, int argc, char **argv,
                             struct args *ret, struct buf *ret_why);
void args_fini(struct args *a);
/* The value of the verb's option @name ("" for a flag that was given), NULL when not given. */
const char *args_value(const struct args *a, const char *name);
/* Its words, "dead list". Appends. */
void args_put_verb(const struct args_verb *v, struct buf *out);
/* What --help prints: of the verb, of the group, or of the program; in lines of @width columns. */
void args_help(const struct args_program *p, const struct args *a, size_t width,
               struct buf *out);
/* --help or --version, which was given: on stdout. False when it could not be written. */
bool args_tell(const struct args_program *p, const struct args *a);
