/* amoctl conversation import: rows into batches, a call a batch, and one report of all.
 * Stops at the first call that fails: the rows before it are stored. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "base/json.h"
#include "base/process.h"
#include "proto/limits.h"
#include "tools/ctl/core_call.h"
#include "tools/ctl/import/duplicates.h"
#include "tools/ctl/import/file.h"
#include "tools/ctl/output.h"
#include "tools/ctl/verbs.h"

#define BATCH_BYTES ((size_t)1 << 20) /* one more row may stand above it */
#define LISTED_TEXT 100               /* refused rows that are listed for people */
#define LISTED_JSON 1000              /* and for programs */

/* What became of rows, as core counts them. */
enum {
    COUNT_CREATED,
    COUNT_UPDATED,
    COUNT_UNCHANGED,
    COUNT_REFUSED,
    COUNT_UNNAMED,
    COUNT_N
};
static const char *const count_names[] = {"created", "updated", "unchanged", "refused",
                                          "unnamed"};

struct import {
    const struct args *args;
    const struct verb *verb;
    const char *endpoint;
    struct view connector; /* of rows that name none */
    struct view scope;
    bool dry_run;
    struct import_file *file;
    struct import_duplicates seen; /* of a dry run */
    struct buf batch;              /* the call's arguments as far as they are written */
    struct json_writer batch_w;
    size_t n_batch;
    uint64_t batch_line; /* of its first row */
    struct buf refusals; /* JSON objects of an open array */
    struct json_writer refusals_w;
    size_t n_listed;
    int64_t rows;
    int64_t counts[COUNT_N];
    int64_t doubtful;
    uint64_t stopped_line; /* 0: to the end */
    struct buf why;        /* it stopped, or a row was refused */
};

static FILE *open_file(const char *path, struct buf *why);
static int import_all(struct import *m);
static int report(struct import *m, int code);

static void import_init(struct import *m, const struct args *a, const struct config *config)
{
    const char *connector = args_value(a, "connector");
    const char *scope = args_value(a, "scope");

    *m = (struct import){
        .args = a, .verb = a->verb->more, .endpoint = config_text(config, "bus/control")};
    m->connector = view_of(connector ? connector : "");
    m->scope = view_of(scope ? scope : "");
    m->dry_run = args_value(a, "dry-run") != NULL;
    import_duplicates_init(&m->seen);
    buf_init(&m->batch, LIMIT_CONTROL_BYTES);
    buf_init(&m->refusals, LIMIT_CONTROL_BYTES);
    buf_init(&m->why, 4096);
    json_writer_init(&m->refusals_w, &m->refusals);
    json_open_array(&m->refusals_w, NULL);
}

static void import_fini(struct import *m)
{
    import_file_free(m->file);
    import_duplicates_fini(&m->seen);
    buf_fini(&m->batch);
    buf_fini(&m->refusals);
    buf_fini(&m->why);
}

int import_run(const struct args *a, const struct config *config)
{
    const char *format = args_value(a, "format");
    enum import_format form = IMPORT_GUESS;
    struct import m;
    FILE *in = NULL;
    int rc = 0;

    if (format && strcmp(format, "csv") != 0 && strcmp(format, "jsonl") != 0)
        return output_error(a, EXIT_USAGE, "--format is csv or jsonl");
    if (format)
        form = strcmp(format, "csv") == 0 ? IMPORT_CSV : IMPORT_JSONL;
    import_init(&m, a, config);
    if (!json_utf8_valid(m.connector) || !json_utf8_valid(m.scope)) {
        rc = output_error(a, EXIT_USAGE, "the arguments are not UTF-8");
        goto out;
    }
    in = open_file(a->operands[0], &m.why);
    if (!in) {
        rc = output_error(a, EXIT_USAGE, buf_str(&m.why));
        goto out;
    }
    rc = import_file_new(in, form, &m.file);
    rc = rc ? rc : import_all(&m);
    rc = rc < 0 ? output_no_memory(a) : report(&m, rc);
out:
    if (in && in != stdin)
        (void)fclose(in); /* only read: nothing can be lost */
    import_fini(&m);
    return rc;
}

static FILE *open_file(const char *path, struct buf *why)
{
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");

    if (!in)
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
        (void)buf_add_f(why, "%s: %s", path, strerror(errno)); /* errors stick in the buf */
    return in;
}

/* --- what is told --------------------------------------------------------------------------- */

static void list_row(struct import *m, int64_t line, struct view reason)
{
    if (m->n_listed >= (m->args->json ? LISTED_JSON : LISTED_TEXT))
        return;
    m->n_listed++;
    json_open_object(&m->refusals_w, NULL);
    json_add_int(&m->refusals_w, "line", line);
    json_add_text(&m->refusals_w, "reason", reason);
    json_close_object(&m->refusals_w);
}

/* --- a batch -------------------------------------------------------------------------------- */

static void batch_begin(struct import *m, uint64_t line)
{
    buf_reset(&m->batch);
    json_writer_init(&m->batch_w, &m->batch);
    json_open_object(&m->batch_w, NULL);
    json_add_bool(&m->batch_w, "dry_run", m->dry_run);
    json_open_array(&m->batch_w, "rows");
    m->n_batch = 0;
    m->batch_line = line;
}

static void batch_add(struct import *m, const struct import_row *row)
{
    json_open_object(&m->batch_w, NULL);
    json_add_int(&m->batch_w, "line", (int64_t)row->line);
    for (int i = 0; i < IMPORT_N_COLUMNS; i++)
        json_add_text_if(&m->batch_w, import_column_name((enum import_column)i),
                         row->values[i]);
    json_close_object(&m->batch_w);
    m->n_batch++;
}

static int64_t count_of(const struct json_node *root, const char *key)
{
    int64_t n = 0;

    (void)json_int(json_get(root, key), &n); /* absent: 0 */
    return n;
}

/* Core's report of one batch into ours. -ENOMEM. */
static int take_report(struct import *m, struct json *doc)
{
    const struct json_node *root = json_root(doc);
    const struct json_node *refusals = json_get(root, "refusals");
    int rc = 0;

    for (size_t i = 0; i < COUNT_N; i++)
        m->counts[i] += count_of(root, count_names[i]);
    for (size_t i = 0; rc == 0 && i < json_array_len(refusals); i++) {
        const struct json_node *one = json_array_at(refusals, i);
        struct view reason = VIEW_NONE;

        rc = json_text(doc, json_get(one, "reason"), &reason);
        list_row(m, count_of(one, "line"), reason);
    }
    return rc;
}

/* What amoctl exits with, EXIT_FINE to go on; -ENOMEM. */
static int batch_send(struct import *m)
{
    struct core_answer answer;
    struct json *doc = NULL;
    int rc = 0;

    if (m->n_batch == 0)
        return EXIT_FINE;
    json_close_array(&m->batch_w);
    json_close_object(&m->batch_w);
    rc = buf_error(&m->batch);
    if (rc)
        return -ENOMEM; /* its bytes are bounded far below its limit */
    core_answer_init(&answer);
    doc = core_ask(m->endpoint, view_of(m->verb->control), buf_view(&m->batch),
                   CORE_CALL_LONG_MS, &answer);
    rc = doc ? take_report(m, doc) : answer.code;
    if (rc > 0) {
        m->stopped_line = m->batch_line;
        (void)buf_add_str(&m->why, buf_str(&answer.error)); /* asked where it is told */
    }
    json_free(doc);
    core_answer_fini(&answer);
    m->n_batch = 0;
    return rc;
}

/* --- the file ------------------------------------------------------------------------------- */

/* Core forgets the batches of a dry run: what two of them share is seen here. True when the row
 * need not be asked about. */
static int dry_repeat(struct import *m, const struct import_row *row, bool *ret_known)
{
    struct import_match match;
    char words[160];
    int rc = import_duplicates_add(&m->seen, row, m->batch_line, &match);

    *ret_known = rc == 0 && match.line && match.whole;
    if (rc || !match.line)
        return rc;
    if (match.whole) {
        m->counts[COUNT_UNCHANGED]++;
        return 0;
    }
    m->doubtful++;
    (void)snprintf(words, sizeof(words),
                   "doubtful: the same %s as line %" PRIu64
                   "; a dry run does not see both at once",
                   import_column_name(match.what), match.line); /* fits */
    list_row(m, (int64_t)row->line, view_of(words));
    return 0;
}

static int take_row(struct import *m, struct import_row *row)
{
    bool known = false;
    int rc = 0;

    if (row->values[IMPORT_CONNECTOR].len == 0)
        row->values[IMPORT_CONNECTOR] = m->connector;
    if (row->values[IMPORT_SCOPE].len == 0)
        row->values[IMPORT_SCOPE] = m->scope;
    if (m->n_batch == 0)
        batch_begin(m, row->line);
    if (m->dry_run)
        rc = dry_repeat(m, row, &known);
    if (rc || known)
        return rc;
    batch_add(m, row);
    return m->n_batch >= LIMIT_IMPORT_BATCH || m->batch.len >= BATCH_BYTES ? batch_send(m)
                                                                           : EXIT_FINE;
}

/* Nothing more can be read at @line, for m->why. What was read before is sent; if that fails, it is
 * what is told. EXIT_*, or -ENOMEM. */
static int end_badly(struct import *m, uint64_t line)
{
    struct buf why = m->why;
    int sent = 0;

    buf_init(&m->why, 4096);
    sent = batch_send(m);
    if (sent) {
        buf_fini(&why);
        return sent;
    }
    buf_fini(&m->why);
    m->why = why;
    m->stopped_line = line;
    return EXIT_USAGE;
}

/* EXIT_*, or -ENOMEM. */
static int import_all(struct import *m)
{
    struct import_row row = {.line = 0};
    int sent = EXIT_FINE;

    while (sent == EXIT_FINE) {
        int rc = 0; /* of the file */

        buf_reset(&m->why);
        rc = import_file_next(m->file, &row, &m->why);
        if (rc < 0)
            return rc;
        if (rc == IMPORT_E_END)
            return batch_send(m);
        if (rc != IMPORT_E_FILE && m->rows == IMPORT_ROWS_MAX) {
            buf_reset(&m->why);
            (void)buf_add_f(&m->why, "more than %d rows: split the file", IMPORT_ROWS_MAX);
            rc = IMPORT_E_FILE;
        }
        if (rc == IMPORT_E_FILE)
            return end_badly(m, row.line);
        m->rows++;
        if (rc == IMPORT_E_ROW) {
            m->counts[COUNT_REFUSED]++;
            list_row(m, (int64_t)row.line, buf_view(&m->why));
            continue;
        }
        sent = take_row(m, &row);
    }
    return sent;
}

/* --- the report ----------------------------------------------------------------------------- */

static int report_write(struct import *m, struct buf *out)
{
    struct json_writer w;

    json_close_array(&m->refusals_w);
    if (buf_error(&m->refusals))
        return -ENOMEM;
    json_writer_init(&w, out);
    json_open_object(&w, NULL);
    json_add_bool(&w, "dry_run", m->dry_run);
    json_add_int(&w, "rows", m->rows);
    for (size_t i = 0; i < COUNT_N; i++)
        json_add_int(&w, count_names[i], m->counts[i]);
    json_add_int(&w, "doubtful", m->doubtful);
    json_add_raw(&w, "refusals", buf_view(&m->refusals));
    json_add_int(&w, "not_listed",
                 m->counts[COUNT_REFUSED] + m->doubtful - (int64_t)m->n_listed);
    if (m->stopped_line) {
        json_add_int(&w, "stopped_at_line", (int64_t)m->stopped_line);
        json_add_text(&w, "stopped_because", buf_view(&m->why));
    }
    json_close_object(&w);
    return buf_error(out);
}

/* @code: how it ended. */
static int report(struct import *m, int code)
{
    const char *file = m->args->operands[0];
    bool nothing = m->counts[COUNT_CREATED] + m->counts[COUNT_UPDATED] +
                       m->counts[COUNT_UNCHANGED] + m->counts[COUNT_REFUSED] + m->doubtful ==
                   0;
    struct buf words;
    struct buf out;
    int rc = 0;

    buf_init(&words, 8192);
    buf_init(&out, (size_t)2 * LIMIT_CONTROL_BYTES);
    if (m->stopped_line) /* a file that cannot be read is told by its line, core by its words */
        (void)buf_add_f(
            &words, "%s, line %" PRIu64 ": %s%s", file, m->stopped_line, buf_str(&m->why),
            nothing ? ""
                    : "; all rows before it are imported: correct it and import the file "
                      "again, what is there stays as it is");
    if (m->stopped_line && nothing) {
        rc = output_error(m->args, code, buf_str(&words));
    } else if (report_write(m, &out)) {
        rc = output_no_memory(m->args);
    } else {
        rc = output_document(m->args, buf_view(&out), VIEW_NONE, NULL);
        if (m->stopped_line)
            (void)output_error(NULL, code, buf_str(&words)); /* the code is returned below */
        else if (m->counts[COUNT_REFUSED] + m->doubtful > 0)
            code = output_error(
                NULL, EXIT_FAILED,
                "some rows were not taken; the file can be imported again when they "
                "are corrected");
        rc = code ? code : rc;
    }
    buf_fini(&words);
    buf_fini(&out);
    return rc;
}
