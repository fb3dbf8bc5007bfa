# Writes the page INPUT as the array of bytes NAME into the C file OUTPUT.
file(READ ${INPUT} hex HEX)
string(LENGTH "${hex}" digits)
math(EXPR bytes "${digits} / 2")
string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
file(WRITE ${OUTPUT} "/* Made of ${INPUT}. */
#include \"tools/ctl/explain/page.h\"

const unsigned char ${NAME}[] = {
${hex}
};
const size_t ${NAME}_len = ${bytes};
")
