# amo::warnings - what every target of ours is compiled with.
add_library(amo_warnings INTERFACE)
add_library(amo::warnings ALIAS amo_warnings)

target_compile_options(amo_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes
    -Wold-style-definition -Wmissing-prototypes -Wvla -Walloca -Wformat=2 -Wcast-qual
    -Wpointer-arith -Wwrite-strings -Wundef -Wswitch-enum -Wnull-dereference
    -Wimplicit-fallthrough
    $<$<C_COMPILER_ID:GNU>:-Wduplicated-cond>
    $<$<C_COMPILER_ID:GNU>:-Wduplicated-branches>
    $<$<C_COMPILER_ID:GNU>:-Wlogical-op>
    $<$<BOOL:${AMO_WERROR}>:-Werror>
    $<$<BOOL:${AMO_ANALYZE}>:-fanalyzer>
    -fstack-protector-strong
    $<$<CONFIG:Release,RelWithDebInfo>:-fstack-clash-protection>
    # what was never written is zero, and no secret of an earlier call
    $<$<AND:$<CONFIG:Release,RelWithDebInfo>,$<C_COMPILER_ID:GNU>>:-ftrivial-auto-var-init=zero>
    $<$<AND:$<CONFIG:Release,RelWithDebInfo>,$<STREQUAL:${CMAKE_SYSTEM_PROCESSOR},x86_64>>:-fcf-protection=full>
    $<$<CONFIG:Release,RelWithDebInfo>:-U_FORTIFY_SOURCE>
    $<$<CONFIG:Release,RelWithDebInfo>:-D_FORTIFY_SOURCE=3>
    -fno-omit-frame-pointer)
target_compile_definitions(amo_warnings INTERFACE _DEFAULT_SOURCE AMO_VERSION="${PROJECT_VERSION}")
target_include_directories(amo_warnings INTERFACE ${CMAKE_SOURCE_DIR})
target_link_options(amo_warnings INTERFACE
    $<$<CONFIG:Release,RelWithDebInfo>:-Wl,-z,relro,-z,now>)

if(AMO_SANITIZE)
    target_compile_options(amo_warnings INTERFACE -fsanitize=${AMO_SANITIZE} -fno-sanitize-recover=all)
    target_link_options(amo_warnings INTERFACE -fsanitize=${AMO_SANITIZE})
endif()
if(AMO_COVERAGE)
    target_compile_options(amo_warnings INTERFACE --coverage)
    target_link_options(amo_warnings INTERFACE --coverage)
endif()
if(AMO_FUZZ)
    target_compile_options(amo_warnings INTERFACE -fsanitize=fuzzer-no-link)
    target_link_options(amo_warnings INTERFACE -fsanitize=fuzzer-no-link)
endif()

# NDEBUG is never defined: an assert states what only a bug can break, also in release.
foreach(config RELEASE RELWITHDEBINFO MINSIZEREL)
    string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${config} "${CMAKE_C_FLAGS_${config}}")
endforeach()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
