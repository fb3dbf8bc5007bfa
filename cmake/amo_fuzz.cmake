# amo_fuzz(NAME SOURCES fuzz_a.c.. LIBS amo::base.. CORPUS directory)
# A fuzzer, twice: as the ordinary test fuzz.NAME, which runs the corpus (and every cut of its files) with any
# compiler, and, with -DAMO_FUZZ=ON under clang, as the libFuzzer program fuzz/NAME in the build tree.
# A fuzzer's source defines LLVMFuzzerTestOneInput as tests/fuzz/fuzz.h says.
function(amo_fuzz name)
    if(NOT AMO_TESTS)
        return()
    endif()
    cmake_parse_arguments(F "" "CORPUS" "SOURCES;LIBS" ${ARGN})
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
    endif()
endfunction()
