/* amoctl: arguments, config, the question, the answer. */

#include <errno.h>
#include <string.h>

#include "base/config.h"
#include "base/json.h"
#include "base/process.h"
#include "base/secret.h"
#include "proto/bus/socket.h"
#include "proto/limits.h"
#include "tools/common/args.h"
#include "tools/ctl/arguments.h"
#include "tools/ctl/check.h"
#include "tools/ctl/core_call.h"
#include "tools/ctl/names.h"
#include "tools/ctl/output.h"
#include "tools/ctl/verbs.h"

/* For people, the names of the accounts that the answer is about: without them it is shown all the
 * same. */
static void find_names(const struct args *a, const struct config *config,
                       const struct core_answer *answer, struct names *ret)
{
    const struct verb *verb = a->verb->more;
    struct json *doc = NULL;

    *ret = (struct names){0};
    if (a->json || verb->show == SHOW_SCOPE || !names_are_wanted(buf_view(&answer->json)))
        return;
    if (verb->control != amoctl_names_verb)
        names_ask(config_text(config, "bus/control"), buf_view(&answer->json), ret);
    else if (json_parse(buf_view(&answer->json), &doc) == 0) /* it is that list */
        (void)!names_init(ret, doc);                         /* no memory: no names */
}

/* A core that does not know the argument has not heard it. */
static bool was_done_all_the_same(const struct args *a, const struct core_answer *answer)
{
    struct json *doc = NULL;
    bool tried = false;

    if (!args_value(a, "dry-run") || answer->code != EXIT_FINE ||
        json_parse(buf_view(&answer->json), &doc))
        return false;
    tried = json_bool(json_get(json_root(doc), "dry_run"), &tried) && tried;
    json_free(doc);
    return !tried;
}

static int print_answer(const struct args *a, const struct config *config,
                        const struct core_answer *answer)
{
    struct names names;
    int rc = EXIT_FINE;

    if (answer->code != EXIT_FINE && answer->json.len == 0)
        return output_error(a, answer->code,
                            answer->error.len ? buf_str(&answer->error)
                                              : "core refused without a reason");
    find_names(a, config, answer, &names);
    if (answer->json.len > 0)
        rc = output_document(a, buf_view(&answer->json), buf_view(&answer->error), &names);
    if (answer->error.len > 0)
        (void)output_error(NULL, answer->code,
                           buf_str(&answer->error)); /* the code is returned below */
    if (rc == EXIT_FINE && was_done_all_the_same(a, answer))
        rc =
            output_error(NULL, EXIT_FAILED,
                         "core knows no dry run of this verb (an older version?): it was done");
    names_fini(&names);
    return answer->code != EXIT_FINE ? answer->code : rc;
}

static int run_asked(const struct args *a, const struct config *config, struct view args)
{
    const struct verb *verb = a->verb->more;
    struct core_answer answer;
    int rc = 0;

    core_answer_init(&answer);
    core_call_all(config_text(config, "bus/control"), view_of(verb->control), args,
                  verb->waits ? CORE_CALL_LONG_MS : CORE_CALL_MS, &answer);
    rc = print_answer(a, config, &answer);
    core_answer_fini(&answer);
    return rc;
}

static int run_or_ask(const struct args *a, const struct config *config, struct view args)
{
    const struct verb *verb = a->verb->more;
    int rc = 0;

    if (!verb->offline)
        bus_init();
    rc = verb->run ? verb->run(a, config) : run_asked(a, config, args);
    if (!verb->offline)
        bus_fini();
    return rc;
}

/* Files before core: a mistake in the arguments does not need core to be told. */
static int run_verb(const struct args *a)
{
    const struct verb *verb = a->verb->more;
    struct config *config = NULL;
    struct buf args;
    struct buf why;
    int rc = 0;

    buf_init(&why, 4096);
    buf_init(&args, LIMIT_CONTROL_BYTES);
    rc = config_load(a->config, &why, &config);
    if (rc && rc != -ENOMEM && verb->offline) {
        (void)output_error(NULL, EXIT_USAGE, buf_str(&why)); /* goes on without its defaults */
        rc = 0;
    }
    if (rc == 0 && !verb->run)
        rc = arguments_write(a, &args, &why);
    if (rc == -ENOMEM)
        rc = output_no_memory(a);
    else if (rc == -ENOSPC)
        rc = output_error(a, EXIT_USAGE, "the arguments are larger than core takes");
    else if (rc)
        rc = output_error(a, EXIT_USAGE, buf_str(&why));
    else
        rc = run_or_ask(a, config, buf_view(&args));
    if (args.ptr)
        secret_wipe(args.ptr, args.len);
    buf_fini(&args);
    buf_fini(&why);
    config_free(config);
    return rc;
}

static int run(const struct args *a)
{
    const struct verb *verb = NULL;

    if (a->version || a->help)
        return args_tell(&amoctl_program, a) ? EXIT_FINE : EXIT_FAILED;
    verb = a->verb->more;
    return verb->run || verb->control ? run_verb(a) : check_run(a);
}

/* A mistake in the arguments comes before --json is known for sure; look for the word. */
static int refuse_usage(int argc, char **argv, struct buf *why)
{
    struct args a = {0};

    for (int i = 1; i < argc; i++)
        a.json = a.json || strcmp(argv[i], "--json") == 0;
    return output_error(&a, EXIT_USAGE, buf_str(why));
}

int main(int argc, char **argv)
{
    struct args a = {0};
    struct buf why;
    int rc = 0;

    buf_init(&why, 4096);
    rc = args_parse(&amoctl_program, argc, argv, &a, &why);
    if (rc == 0)
        rc = run(&a);
    else if (rc == -ENOMEM)
        rc = output_no_memory(&a);
    else
        rc = refuse_usage(argc, argv, &why);
    args_fini(&a);
    buf_fini(&why);
    return rc;
}
