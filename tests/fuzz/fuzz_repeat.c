/* Any bytes as the log of repeats that a crash left beside the spool, and as what lies beside an event:
 * whatever is in them, the log opens, takes new entries, and knows them at the next start. */

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "ingress/spool/repeat.h"
#include "tests/fuzz/fuzz.h"

#define NOW_MS INT64_C(1767225600000)

static char folder_path[] = "/dev/shm/amo-fuzz-XXXXXX";
static int folder_fd = -1;

static void remove_folder(void)
{
    (void)unlinkat(folder_fd, "repeat.log", 0); /* they may be gone */
    (void)unlinkat(folder_fd, "repeat.old", 0);
    (void)rmdir(folder_path);
}

/* A folder of this process alone, in memory: the log is synced. */
static void folder(void)
{
    if (folder_fd >= 0)
        return;
    FUZZ_MUST(mkdtemp(folder_path));
    folder_fd = open(folder_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    FUZZ_MUST(folder_fd >= 0);
    FUZZ_MUST(atexit(remove_folder) == 0);
}

static void put_file(const char *name, struct view bytes)
{
    int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    FUZZ_MUST(fd >= 0);
    FUZZ_MUST(write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
    FUZZ_MUST(close(fd) == 0);
}

static void check_log(struct view bytes)
{
    const struct repeat_name name = {REPEAT_MESSAGE_ID, VIEW_LIT("m1"), VIEW_NONE};
    struct repeat_entry mine;
    struct repeat *r = NULL;
    size_t n = 0;

    put_file("repeat.log", bytes);
    put_file("repeat.old", view_make(bytes.ptr, bytes.len / 2));
    FUZZ_MUST(repeat_entry_make(VIEW_LIT("svc"), &name, VIEW_LIT("body"), NOW_MS, &mine) == 0);
    FUZZ_MUST(repeat_open(folder_path, NOW_MS, &r) == 0);
    FUZZ_MUST(repeat_learn(r, 1, bytes) == 0); /* what is no entry is passed over */
    if (repeat_check(r, &mine)) { /* it stands there already: a request would be answered so */
        repeat_close(r);
        return;
    }
    FUZZ_MUST(repeat_add(r, &mine) == 0);
    FUZZ_MUST(repeat_check(r, &mine) == REPEAT_E_SAME);
    repeat_confirm(r, 2);
    FUZZ_MUST(repeat_sync(r) == 0);
    n = repeat_count(r);
    repeat_close(r);
    FUZZ_MUST(repeat_open(folder_path, NOW_MS, &r) == 0);
    FUZZ_MUST(repeat_check(r, &mine) == REPEAT_E_SAME);
    FUZZ_MUST(repeat_count(r) <= n);
    repeat_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len > (size_t)64 << 10)
        return 0;
    folder();
    check_log(view_make(bytes, len));
    return 0;
}
