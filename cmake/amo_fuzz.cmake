# amo_fuzz(NAME KIND frames SOURCES fuzz_a.c.. LIBS amo::base.. CORPUS directory)
# A fuzzer, twice: as the ordinary test fuzz.NAME, which runs the corpus (and every cut of its files) with any
# compiler, and, with -DAMO_FUZZ=ON under clang, as the libFuzzer program fuzz/NAME in the build tree.
# KIND is what its inputs are: frames (of other processes), heads and bodies (of requests), answers (of remote
# sides), or files (also what an operator types). `./dev fuzz --runs` reads it in fuzz/kinds.txt.
# A fuzzer's source defines LLVMFuzzerTestOneInput as tests/fuzz/fuzz.h says.
function(amo_fuzz name)
    if(NOT AMO_TESTS)
        return()
    endif()
    cmake_parse_arguments(F "" "CORPUS;KIND" "SOURCES;LIBS" ${ARGN})
    if(NOT F_KIND MATCHES "^(frames|heads|bodies|answers|files)$")
        message(FATAL_ERROR "the fuzzer ${name} has no KIND")
    endif()
    get_filename_component(corpus ${F_CORPUS} ABSOLUTE)

    add_executable(replay_${name} ${F_SOURCES} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.c)
    target_link_libraries(replay_${name} PRIVATE ${F_LIBS} amo::base amo::warnings)
    set_target_properties(replay_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_test(NAME fuzz.${name} COMMAND replay_${name} ${corpus})
    set_tests_properties(fuzz.${name} PROPERTIES LABELS unit TIMEOUT 60)

    if(AMO_FUZZ)
        if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
            message(FATAL_ERROR "AMO_FUZZ needs clang: libFuzzer is part of it")
        endif()
        add_executable(fuzz_${name} ${F_SOURCES})
        target_link_libraries(fuzz_${name} PRIVATE ${F_LIBS} amo::warnings)
        target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
        set_target_properties(fuzz_${name} PROPERTIES
            OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
        set_property(GLOBAL APPEND_STRING PROPERTY AMO_FUZZ_KINDS "${F_KIND} ${name}\n")
        get_property(kinds GLOBAL PROPERTY AMO_FUZZ_KINDS)
        file(WRITE ${CMAKE_BINARY_DIR}/fuzz/kinds.txt "${kinds}")
    endif()
endfunction()
