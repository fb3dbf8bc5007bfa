/* Services that take what managers write and report it as failed: logged out, blocked, without money.
 *
 * From: doctor.c. To: the caller. Holds: nothing. */

#include <inttypes.h>

#include "base/clock.h"
#include "core/doctor/doctor.h"
#include "core/doctor/doctor_line.h"
#include "core/peers/fates.h"

#define FAILED_MIN                                                                             \
    5 /* of fewer it may be the clients: one has blocked us, one has no such number */
#define LINES_MAX 20

/* Of how many messages anything is known: some services report only failures, and some only what arrived. */
static uint64_t known_of(const uint64_t counts[FATES])
{
    uint64_t most = counts[FATE_TAKEN];

    for (size_t i = FATE_SENT; i < FATES; i++)
        most = counts[i] > most ? counts[i] : most;
    return most;
}

static bool check_one(struct control_ask *ask, const char *connector)
{
    uint64_t counts[FATES];
    const struct fate_row *row =
        fates_of(ask->core, view_of(connector), clock_mono_ms(), counts);
    struct check c = {.name = "reported",
                      .subject = view_of(connector),
                      .severity = SEVERITY_YELLOW,
                      .action =
                          "is the service's number logged in, and paid for? amoctl message "
                          "list --connector NAME says what it reported of each; managers "
                          "see these as not delivered and have to write again"};
    char last[CLOCK_ISO_LEN + 1];

    if (!row || counts[FATE_FAILED] < FAILED_MIN || 2 * counts[FATE_FAILED] < known_of(counts))
        return false;
    clock_format_iso(row->failed_unix_ms, last);
    check_add(ask->w, &c,
              "of %" PRIu64 " managers' messages within the hour the service took and reported "
              "as failed: %" PRIu64 ", the last at %s: %s",
              known_of(counts), counts[FATE_FAILED], last, *row->code ? row->code : "no code");
    return true;
}

void doctor_fates(struct control_ask *ask)
{
    const struct registry *r = ask->core->turn->registry;
    struct check fine = {.name = "reported", .severity = SEVERITY_GREEN};
    size_t n = 0;

    for (size_t i = 0; i < r->n_connectors && n < LINES_MAX; i++)
        n += check_one(ask, r->connectors[i].name);
    if (n == 0)
        check_add(ask->w, &fine, "no service reports most of what it takes as failed");
}
