/* amoctl explain NAME: what the runbook says of a name that a log, a table or the doctor has shown, in
 * English or Russian. */

#include <errno.h>

#include "base/json.h"
#include "base/nearest.h"
#include "base/process.h"
#include "tools/common/screen.h"
#include "tools/common/text.h"
#include "tools/ctl/explain/page.h"
#include "tools/ctl/output.h"
#include "tools/ctl/verbs.h"

#define JSON_WIDTH 1000 /* a program folds lines itself */

struct told {
    bool json;
    bool russian;
    size_t n;
    struct buf out;
    struct json_writer w;
};

static int tell(void *arg, const struct page_part *part)
{
    struct told *t = arg;

    t->n++;
    if (t->json) {
        json_open_object(&t->w, NULL);
        json_add_text(&t->w, "section", part->section);
        json_add_text(&t->w, "text", part->text);
        json_close_object(&t->w);
        return buf_error(&t->out);
    }
    (void)buf_add_str(&t->out, t->n > 1 ? "\n" : ""); /* errors stick in the buf */
    (void)buf_add_view(&t->out, part->section);
    (void)buf_add_str(&t->out, "\n\n");
    (void)buf_add_view(&t->out, part->text);
    if (part->text.len && part->text.ptr[part->text.len - 1] != '\n')
        (void)buf_add_char(&t->out, '\n');
    if (part->more.ptr) {
        (void)buf_add_str(&t->out, t->russian ? "\nЦеликом: amoctl explain --ru "
                                              : "\nThe whole of it: amoctl explain ");
        (void)buf_add_view(&t->out, part->more);
        (void)buf_add_char(&t->out, '\n');
    }
    return buf_error(&t->out);
}

static int say_unknown(const struct args *a, struct view name)
{
    struct view page = view_make(page_operations, page_operations_len);
    struct nearest n;
    struct buf words;

    buf_init(&words, 4096);
    nearest_init(&n, name);
    page_offer_names(page, &n);
    (void)buf_add_str(&words, "the runbook has nothing called ");
    (void)buf_add_view(&words, name);
    if (n.name.ptr) {
        (void)buf_add_str(&words, "; did you mean ");
        (void)buf_add_view(&words, n.name);
        (void)buf_add_char(&words, '?');
    }
    (void)output_error(a, EXIT_FAILED, buf_str(&words));
    buf_fini(&words);
    return EXIT_FAILED;
}

/* A heading may be given in English for the page in Russian as well: doctor speaks English. What only
 * the English page has, as the table of verbs, comes from there. */
static int find(struct view name, size_t width, struct told *t)
{
    struct view english = view_make(page_operations, page_operations_len);
    struct view russian = view_make(page_operations_ru, page_operations_ru_len);
    int rc = page_find(t->russian ? russian : english, name, width, tell, t);
    struct view same = VIEW_NONE;

    if (rc == 0 && t->russian && t->n == 0)
        same = page_same_heading(english, russian, name);
    if (same.ptr)
        return page_find(russian, same, width, tell, t);
    return rc || t->n ? rc : page_find(english, name, width, tell, t);
}

int explain_run(const struct args *a, const struct config *config)
{
    struct told t = {.json = a->json, .russian = args_value(a, "ru") != NULL};
    struct buf name;
    int rc = 0;

    (void)config;
    buf_init(&name, 4096);
    buf_init(&t.out, (size_t)16 << 20);
    for (size_t i = 0; i < a->n_operands; i++)
        (void)buf_add_f(&name, "%s%s", i ? " " : "", a->operands[i]);
    json_writer_init(&t.w, &t.out);
    if (t.json) {
        json_open_object(&t.w, NULL);
        json_add_text(&t.w, "name",
                      json_utf8_valid(buf_view(&name)) ? buf_view(&name) : VIEW_NONE);
        json_open_array(&t.w, "found");
    }
    rc = find(buf_view(&name), t.json ? JSON_WIDTH : screen_columns(), &t);
    if (t.json) {
        json_close_array(&t.w);
        json_close_object(&t.w);
        (void)buf_add_char(&t.out, '\n');
    }
    if (rc)
        rc = output_no_memory(a);
    else
        rc = t.n > 0 ? output_buf(&t.out) : say_unknown(a, buf_view(&name));
    buf_fini(&t.out);
    buf_fini(&name);
    return rc;
}
