/* Rows of a CSV or JSON-lines file, read as a stream: bytes, then records (quotes may hold
 * line ends), then fields by the names of the columns.
 *
 * libcsv was tried and is not used: a quote out of place either ends its reading (strict) or takes
 * the rest of the file into one field, where here one row is refused and the next one read; and it
 * counts no lines. */

#include "tools/ctl/import/file.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

#define FIELDS_MAX  64 /* columns of a CSV, skipped ones included */
#define COLUMN_SKIP (-1)
#define BLANKS      " \t"

struct import_file {
    FILE *in;
    enum import_format format;
    bool began;        /* BOM and first character are behind us */
    uint64_t line;     /* of the next character */
    struct buf record; /* one row without its line end, as it stands */
    struct buf texts;  /* fields of a CSV row, unquoted, one behind the other */
    struct json *doc;  /* of a JSON row */
    char separator;
    int columns[FIELDS_MAX]; /* enum import_column or COLUMN_SKIP */
    size_t n_columns;        /* 0: the header is not read yet */
};

static int begin(struct import_file *f, struct buf *why);
static int next_record(struct import_file *f, bool quotes, uint64_t *ret_line, struct buf *why);
static int read_header(struct import_file *f, struct buf *why);
static int csv_row(struct import_file *f, struct import_row *row, struct buf *why);
static int json_row(struct import_file *f, struct import_row *row, struct buf *why);
static int row_error(struct buf *why, const char *words);

const char *import_column_name(enum import_column column)
{
    static const char *const names[] = {
#define IMPORT_NAME(id, name) name,
        IMPORT_COLUMNS(IMPORT_NAME)
#undef IMPORT_NAME
    };

    return names[column];
}

int import_file_new(FILE *in, enum import_format format, struct import_file **ret)
{
    struct import_file *f = mem_zalloc(sizeof(*f));

    if (!f)
        return -ENOMEM;
    f->in = in;
    f->format = format;
    f->line = 1;
    buf_init(&f->record, IMPORT_ROW_MAX);
    buf_init(&f->texts, IMPORT_ROW_MAX + FIELDS_MAX);
    *ret = f;
    return 0;
}

void import_file_free(struct import_file *f)
{
    if (!f)
        return;
    json_free(f->doc);
    buf_fini(&f->record);
    buf_fini(&f->texts);
    mem_free(f);
}

int import_file_next(struct import_file *f, struct import_row *ret_row, struct buf *why)
{
    struct import_row row = {.line = f->line};
    int rc = f->began ? 0 : begin(f, why);

    for (size_t i = 0; i < IMPORT_N_COLUMNS; i++)
        row.values[i] = VIEW_LIT("");
    if (rc)
        row.line = f->line;
    if (rc == 0 && f->format == IMPORT_CSV && f->n_columns == 0)
        rc = read_header(f, why);
    do
        rc = rc ? rc : next_record(f, f->format == IMPORT_CSV, &row.line, why);
    while (rc == 0 && view_trim(buf_view(&f->record), BLANKS).len == 0);
    if (rc == 0 && !json_utf8_valid(buf_view(&f->record)))
        rc = row_error(why, "is not UTF-8"); /* errors stick in the buf, here and below */
    if (rc == 0)
        rc = f->format == IMPORT_CSV ? csv_row(f, &row, why) : json_row(f, &row, why);
    if (rc >= 0 && rc != IMPORT_E_END)
        *ret_row = row;
    return rc;
}

/* --- bytes ---------------------------------------------------------------------------------- */

static int file_error(struct buf *why, const char *words)
{
    (void)buf_add_str(why, words);
    return IMPORT_E_FILE;
}

static int row_error(struct buf *why, const char *words)
{
    (void)buf_add_str(why, words);
    return IMPORT_E_ROW;
}

/* The next character; IMPORT_E_END when there is none. */
static int next_char(struct import_file *f, char *ret, struct buf *why)
{
    int c = getc_unlocked(f->in); /* NOLINT(concurrency-mt-unsafe): one thread */

    if (c == EOF && ferror(f->in))
        return file_error(why, strerror(errno)); /* NOLINT(concurrency-mt-unsafe): one thread */
    if (c == EOF)
        return IMPORT_E_END;
    f->line += c == '\n';
    *ret = (char)c;
    return 0;
}

static void put_back(struct import_file *f, char c)
{
    (void)ungetc((unsigned char)c, f->in); /* it was read just now */
    f->line -= c == '\n';
}

/* The BOM, and what the first character tells. */
static int begin(struct import_file *f, struct buf *why)
{
    static const char bom[] = "\xef\xbb\xbf";
    size_t n = 0;
    char c = '\0';
    int rc = 0;

    f->began = true;
    while (n < sizeof(bom) - 1 && (rc = next_char(f, &c, why)) == 0 && c == bom[n])
        n++;
    if (rc == 0 && n < sizeof(bom) - 1)
        put_back(f, c);
    while (n > 0 && n < sizeof(bom) - 1)
        put_back(f, bom[--n]); /* the C library of ours takes back more than one */
    while (f->format == IMPORT_GUESS && (rc = next_char(f, &c, why)) == 0) {
        if (strchr(" \t\r\n", c) && c)
            continue;
        f->format = c == '{' ? IMPORT_JSONL : IMPORT_CSV;
        put_back(f, c);
    }
    if (rc == IMPORT_E_END && f->format == IMPORT_GUESS)
        return file_error(why, "the file is empty");
    return rc == IMPORT_E_END ? 0 : rc;
}

/* Where next_record stands in a line. */
struct quoting {
    bool inside;
    bool closed; /* the character before closed a quoted part */
};

/* Does a quote that comes now open a quoted part? At the beginning of a field, and right behind
 * one that closed: the two are one quote. */
static bool may_open(const struct import_file *f, const struct quoting *q)
{
    char last = '\0';

    if (q->closed || f->record.len == 0)
        return true;
    last = f->record.ptr[f->record.len - 1];
    return f->separator ? last == f->separator : last == ',' || last == ';' || last == '\t';
}

static void step_quote(const struct import_file *f, char c, struct quoting *q)
{
    if (c == '"' && (q->inside || may_open(f, q))) {
        q->closed = q->inside;
        q->inside = !q->inside;
    } else {
        q->closed = false;
    }
}

/* The next line without its end; with @quotes one that may hold line ends inside quotes. */
static int next_record(struct import_file *f, bool quotes, uint64_t *ret_line, struct buf *why)
{
    struct quoting q = {.inside = false};
    bool any = false;
    char c = '\0';
    int rc = 0;

    buf_reset(&f->record);
    *ret_line = f->line;
    while ((rc = next_char(f, &c, why)) == 0) {
        any = true;
        if (c == '\n' && !q.inside)
            break;
        if (quotes)
            step_quote(f, c, &q);
        rc = buf_add_char(&f->record, c);
        if (rc == -ENOMEM)
            return rc;
        if (rc)
            return file_error(why, q.inside
                                       ? "is longer than 64 KiB: a quote that does not end?"
                                       : "is longer than 64 KiB");
    }
    if (rc && (rc != IMPORT_E_END || !any))
        return rc;
    if (q.inside)
        return file_error(why, "a quote does not end");
    while (f->record.len && f->record.ptr[f->record.len - 1] == '\r')
        f->record.ptr[--f->record.len] = '\0';
    return 0;
}

/* --- CSV ------------------------------------------------------------------------------------ */

/* One field from *@at on into f->texts; *at is behind its separator, SIZE_MAX behind the last. */
static int csv_field(struct import_file *f, size_t *at, struct view *ret, struct buf *why)
{
    struct view r = buf_view(&f->record);
    size_t from = f->texts.len;
    size_t i = *at;
    bool quoted = i < r.len && r.ptr[i] == '"';

    for (i += quoted; i < r.len; i++) {
        if (quoted && r.ptr[i] == '"') {
            if (i + 1 >= r.len || r.ptr[i + 1] != '"')
                break;
            i++; /* a doubled quote is one */
        } else if (!quoted && r.ptr[i] == f->separator) {
            break;
        }
        (void)buf_add_char(&f->texts, r.ptr[i]); /* asked once, below */
    }
    i += quoted;
    if (i < r.len && r.ptr[i] != f->separator)
        return row_error(why, "there is text after a closing quote");
    *at = i < r.len ? i + 1 : SIZE_MAX;
    (void)buf_add_char(&f->texts, '\0');
    if (buf_error(&f->texts))
        return -ENOMEM; /* cannot be: the room was taken */
    *ret = view_make(f->texts.ptr + from, f->texts.len - from - 1);
    return 0;
}

/* The fields of the record; their number. */
static int csv_split(struct import_file *f, struct view *fields, size_t *ret_n, struct buf *why)
{
    size_t at = 0;
    size_t n = 0;
    int rc = 0;

    buf_reset(&f->texts);
    /* at once: the fields point into it */
    if (!buf_reserve(&f->texts, f->record.len + FIELDS_MAX))
        return -ENOMEM;
    while (rc == 0 && at != SIZE_MAX) {
        if (n == FIELDS_MAX)
            return row_error(why, "has more than 64 fields");
        rc = csv_field(f, &at, &fields[n++], why);
    }
    *ret_n = n;
    return rc;
}

/* A name of ours, COLUMN_SKIP for "_…"; IMPORT_N_COLUMNS for a name nobody knows. */
static int column_of(struct view name)
{
    if (name.len && name.ptr[0] == '_')
        return COLUMN_SKIP;
    for (int i = 0; i < IMPORT_N_COLUMNS; i++) {
        if (view_is(name, import_column_name((enum import_column)i)))
            return i;
    }
    return IMPORT_N_COLUMNS;
}

/* A mistyped name would lose its ids without a word. */
static int unknown_column(int error, struct view name, struct buf *why)
{
    (void)buf_add_str(why, "unknown column ");
    (void)buf_add_view(why, view_cut(name, 60));
    (void)buf_add_str(why, "; known are");
    for (int i = 0; i < IMPORT_N_COLUMNS; i++)
        (void)buf_add_f(why, "%s %s", i ? "," : "", import_column_name((enum import_column)i));
    (void)buf_add_str(why, ", and what begins with _ is skipped");
    return error;
}

static int read_header(struct import_file *f, struct buf *why)
{
    struct view fields[FIELDS_MAX];
    uint64_t line = 0;
    size_t n = 0;
    size_t mark = 0;
    int rc = 0;

    do
        rc = next_record(f, true, &line, why);
    while (rc == 0 && view_trim(buf_view(&f->record), BLANKS).len == 0);
    if (rc == IMPORT_E_END)
        return file_error(why, "the file is empty");
    if (rc)
        return rc;
    mark = strcspn(buf_str(&f->record), ",;\t");
    f->separator = ',';
    if (buf_str(&f->record)[mark])
        f->separator = buf_str(&f->record)[mark];
    rc = csv_split(f, fields, &n, why);
    if (rc)
        return rc == IMPORT_E_ROW ? IMPORT_E_FILE : rc;
    for (size_t i = 0; i < n; i++) {
        struct view name = view_trim(fields[i], BLANKS);

        f->columns[i] = column_of(name);
        if (f->columns[i] == IMPORT_N_COLUMNS)
            return unknown_column(IMPORT_E_FILE, name, why);
        for (size_t j = 0; j < i; j++) {
            if (f->columns[j] == f->columns[i] && f->columns[i] != COLUMN_SKIP) {
                (void)buf_add_f(why, "column %s is there twice",
                                import_column_name((enum import_column)f->columns[i]));
                return IMPORT_E_FILE;
            }
        }
    }
    f->n_columns = n;
    return 0;
}

static int csv_row(struct import_file *f, struct import_row *row, struct buf *why)
{
    struct view fields[FIELDS_MAX];
    size_t n = 0;
    int rc = csv_split(f, fields, &n, why);

    if (rc)
        return rc;
    if (n != f->n_columns) {
        (void)buf_add_f(why, "has %zu fields, the header has %zu", n, f->n_columns);
        return IMPORT_E_ROW;
    }
    for (size_t i = 0; i < n; i++) {
        if (f->columns[i] != COLUMN_SKIP)
            row->values[f->columns[i]] = view_trim(fields[i], BLANKS);
    }
    return 0;
}

/* --- JSON lines ----------------------------------------------------------------------------- */

static int json_value(struct import_file *f, struct view key, const struct json_node *value,
                      struct import_row *row, struct buf *why)
{
    int column = column_of(key);
    struct view text = VIEW_NONE;
    int rc = 0;

    if (column == COLUMN_SKIP)
        return 0;
    if (column == IMPORT_N_COLUMNS)
        return unknown_column(IMPORT_E_ROW, key, why);
    rc = json_text(f->doc, value, &text);
    if (rc)
        return rc;
    if (!text.ptr && value && !json_strict_text(value, &text)) {
        (void)buf_add_f(why, "%s is neither a text nor a number",
                        import_column_name((enum import_column)column));
        return IMPORT_E_ROW;
    }
    row->values[column] = text.ptr ? view_trim(text, BLANKS) : VIEW_LIT("");
    return 0;
}

static int json_row(struct import_file *f, struct import_row *row, struct buf *why)
{
    int rc = 0;

    json_free(f->doc);
    f->doc = NULL;
    rc = json_parse(buf_view(&f->record), &f->doc);
    if (rc == -ENOMEM)
        return rc;
    if (rc || !json_is_object(json_root(f->doc)))
        return row_error(why, "is not a JSON object");
    for (struct json_walk w = {.object = json_root(f->doc)}; rc == 0 && json_walk_next(&w);)
        rc = json_value(f, w.key, w.value, row, why);
    return rc;
}
