/* Any bytes as a record of the spool and as the segment file that a crash left. Recovery takes
 * what is whole, never a record twice or out of order, and what it made of the file is found again
 * by the next start.
 *
 * Each input is looked at as it is, and once more with the check sums of its records put right, so
 * that a change of one byte reaches the code behind them. */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "ingress/spool/crc32c.h"
#include "ingress/spool/record.h"
#include "ingress/spool/segment.h"
#include "tests/fuzz/same.h"

#define ROOM     ((size_t)64 << 10)
#define FILE_MAX ((size_t)256 << 10)
#define NAME     "00000000000000000001.seg"
#define NAME_BAD "00000000000000000001.bad"

static void check_record(struct view bytes)
{
    struct record r;
    struct record back;
    struct buf out;
    size_t len = 0;
    int rc = record_parse(bytes, &r, &len);

    FUZZ_MUST(rc >= 0 && rc <= RECORD_E_BAD);
    if (rc == RECORD_E_MORE)
        FUZZ_MUST(len > bytes.len && len <= RECORD_HEAD + RECORD_AUX_MAX + RECORD_MAX + 7);
    if (rc)
        return;
    FUZZ_MUST(len <= bytes.len && len == record_len(r.aux.len, r.body.len));
    buf_init(&out, FUZZ_OUT_MAX);
    FUZZ_MUST(record_put(&r, &out) == 0 && out.len == len);
    FUZZ_MUST(record_parse(buf_view(&out), &back, &len) == 0);
    FUZZ_MUST(back.number == r.number && back.low == r.low && back.batch == r.batch);
    FUZZ_MUST(view_equal(back.aux, r.aux) && view_equal(back.body, r.body));
    buf_fini(&out);
}

/* Every record whose place and lengths make sense gets the check sum that belongs to it. */
static void put_sums_right(unsigned char *p, size_t len)
{
    for (size_t at = 0; at + RECORD_HEAD <= len; at += 8) {
        size_t body = (size_t)p[at + 32] | (size_t)p[at + 33] << 8 | (size_t)p[at + 34] << 16;
        size_t aux = (size_t)p[at + 36] | (size_t)p[at + 37] << 8;
        size_t whole = record_len(aux, body);
        uint32_t crc = 0;

        if (memcmp(p + at, "AMSR", 4) != 0 || p[at + 35] || whole > len - at)
            continue;
        crc = crc32c(0, p + at + 8, whole - 8);
        for (size_t i = 0; i < 4; i++)
            p[at + 4 + i] = (unsigned char)(crc >> (8 * i));
    }
}

static char folder_path[] = "/dev/shm/amo-fuzz-XXXXXX";
static int folder_fd = -1;

static void remove_folder(void)
{
    (void)unlinkat(folder_fd, NAME, 0); /* they may be gone, or be somebody else's by now */
    (void)unlinkat(folder_fd, NAME_BAD, 0);
    (void)rmdir(folder_path);
}

/* A folder of this process alone, in memory: recovery syncs its files. */
static int folder(void)
{
    if (folder_fd >= 0)
        return folder_fd;
    FUZZ_MUST(mkdtemp(folder_path));
    folder_fd = open(folder_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    FUZZ_MUST(folder_fd >= 0);
    FUZZ_MUST(atexit(remove_folder) == 0);
    return folder_fd;
}

static void put_file(struct view bytes)
{
    int fd = openat(folder(), NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    FUZZ_MUST(fd >= 0);
    FUZZ_MUST(write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
    FUZZ_MUST(close(fd) == 0);
}

/* What is left to read: whole records, each number once and upwards. What is damaged is stepped
 * over as a reader does it. */
static void check_records(struct segment *s, uint64_t low)
{
    uint64_t next = s->first;
    uint64_t seen_low = 0;
    struct record r;
    struct window w;
    size_t at = 0;
    size_t len = 0;

    window_init(&w, folder());
    while (at < s->flushed) {
        int rc = segment_read(s, &w, at, s->flushed, &r, &len);

        FUZZ_MUST(rc >= 0);
        if (rc == 0 && r.number >= next && r.number < s->end) {
            seen_low = r.low > seen_low ? r.low : seen_low;
            next = r.number + 1;
            at += len;
            continue;
        }
        FUZZ_MUST(s->damaged);
        if (segment_resync(s, &w, at, s->flushed, next, &at))
            break;
    }
    FUZZ_MUST(s->damaged || (next == s->end && at == s->used && seen_low == low));
    window_fini(&w);
}

static struct segment *recover(uint64_t *ret_low)
{
    struct segment *s = NULL;

    FUZZ_MUST(segment_new(1, &s) == 0);
    FUZZ_MUST(segment_recover(s, folder(), ROOM, ret_low) == 0);
    FUZZ_MUST(s->end >= s->first && s->used == s->flushed && !s->salvaged);
    FUZZ_MUST(s->sealed || s->space == ROOM);
    return s;
}

static void check_segment(struct view bytes)
{
    struct segment *before = NULL;
    struct segment *s = NULL;
    uint64_t low_before = 0;
    uint64_t low = 0;

    put_file(bytes);
    before = recover(&low_before);
    check_records(before, low_before);
    s = recover(&low);
    FUZZ_MUST(s->end == before->end && s->used == before->used && low == low_before);
    FUZZ_MUST(s->damaged == before->damaged);
    segment_free(before);
    segment_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    unsigned char *summed = NULL;

    if (len > FILE_MAX)
        return 0;
    summed = mem_alloc(len);
    FUZZ_MUST(summed);
    if (len)
        memcpy(summed, bytes, len);
    put_sums_right(summed, len);
    check_record(view_make(bytes, len));
    check_record(view_make(summed, len));
    check_segment(view_make(bytes, len));
    check_segment(view_make(summed, len));
    mem_free(summed);
    return 0;
}
