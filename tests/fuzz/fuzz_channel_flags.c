/* Any bytes as support's answer to the registration of a channel: it is refused in words, or what
 * is kept of it is JSON that can be obeyed and told, and never allows more than the answer did.
 * The same bytes are read as what an older store kept, too. */

#include "base/json.h"
#include "base/mem.h"
#include "core/model/channel_flags.h"
#include "tests/fuzz/fuzz.h"

#define OUT_MAX ((size_t)8 * 1024 * 1024)

static void count_flag(void *arg, const struct channel_flag *f)
{
    size_t *n = arg;

    FUZZ_MUST(f->flag && f->flag[0] && f->meaning && f->meaning[0] && f->value.ptr);
    (*n)++;
}

static void check_told(struct view kept, bool cares)
{
    struct json_writer w;
    struct json *doc = NULL;
    struct buf out;

    buf_init(&out, OUT_MAX);
    json_writer_init(&w, &out);
    json_open_object(&w, NULL);
    FUZZ_MUST(channel_flags_tell(kept, "flags", cares, &w) == 0);
    json_close_object(&w);
    FUZZ_MUST(buf_error(&out) == 0 && json_parse(buf_view(&out), &doc) == 0);
    FUZZ_MUST(json_is_array(json_get(json_root(doc), "flags")));
    json_free(doc);
    buf_fini(&out);
}

static void check_kept(struct view kept)
{
    struct reg_channel c = {0};
    struct buf words;
    size_t n = 0;
    int rc = 0;

    buf_init(&words, 1 << 20);
    FUZZ_MUST(channel_flags_apply(kept, &c) == 0);
    FUZZ_MUST(!c.no_reactions || !channel_takes_reaction(&c, VIEW_LIT("👍")));
    mem_free(c.reactions_list);
    rc = channel_flags_admit(kept, VIEW_LIT("831f0943-4783-43d0-835e-d2d8d2553844"), &words);
    FUZZ_MUST(rc == 0 || (rc == CHANNEL_FLAGS_E_OBJECTION && words.len > 0));
    FUZZ_MUST(channel_flags_each(kept, count_flag, &n) == 0);
    check_told(kept, true);
    check_told(kept, false);
    buf_fini(&words);
}

/* What was switched off in the answer is so in what is kept of it. */
static void check_same_switch(const struct json_node *answer, const struct json_node *kept,
                              const char *key)
{
    bool before = false;
    bool after = false;

    FUZZ_MUST(json_bool(json_get(answer, key), &before) ==
              json_bool(json_get(kept, key), &after));
    FUZZ_MUST(before == after);
}

static void check_answer(struct json *answer)
{
    struct json *doc = NULL;
    struct buf kept;
    struct buf words;
    int rc = 0;

    buf_init(&kept, OUT_MAX);
    buf_init(&words, 65536);
    rc = channel_flags_keep(answer, json_root(answer), VIEW_LIT("ru"), &kept, &words);
    FUZZ_MUST(rc == 0 || (rc == CHANNEL_FLAGS_E_OBJECTION && words.len > 0));
    if (rc == 0) {
        FUZZ_MUST(json_parse(buf_view(&kept), &doc) == 0);
        check_same_switch(json_root(answer), json_root(doc), "enabled");
        check_same_switch(json_root(answer), json_root(doc), "supports_reply");
        check_same_switch(json_root(answer), json_root(doc), "reactions_all");
        FUZZ_MUST(!json_array_len(json_get(json_root(answer), "allowed_acc_list")) ==
                  !json_array_len(json_get(json_root(doc), "allowed_accounts")));
        check_kept(buf_view(&kept));
        json_free(doc);
    }
    buf_fini(&words);
    buf_fini(&kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct json *answer = NULL;

    if (json_parse(view_make(bytes, len), &answer) == 0)
        check_answer(answer);
    json_free(answer);
    check_kept(view_make(bytes, len));
    return 0;
}
