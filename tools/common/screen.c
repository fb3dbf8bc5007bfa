/* How wide the screen is, and whether it has colours. */

#include "tools/common/screen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/num.h"

#define SCREEN_LEAST 40   /* columns; below it nothing can be read anyway */
#define SCREEN_MOST  1000 /* a longer line is no line */

static const char *setting(const char *name)
{
    return getenv(name); /* NOLINT(concurrency-mt-unsafe): before any thread is started */
}

size_t screen_columns(void)
{
    struct winsize size = {0};
    uint64_t n = 0;

    if (num_parse_u64(view_of(setting("COLUMNS")), &n) || n == 0)
        n = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
    if (n == 0)
        return SCREEN_COLUMNS;
    return n < SCREEN_LEAST ? SCREEN_LEAST : n > SCREEN_MOST ? SCREEN_MOST : (size_t)n;
}

bool screen_has_colours(void)
{
    const char *off = setting("NO_COLOR");
    const char *term = setting("TERM");

    return isatty(STDOUT_FILENO) && !(off && off[0]) && term && strcmp(term, "dumb") != 0;
}
