# amo_room(core.store [ALONE] SOURCES a.c b.c.. LINKS core.model.. [LIBS amo::base..])
# A room of a process: one static library, amo::core.store. LINKS names the rooms it may call; a call to a room
# that is not among them, or above it, is an undefined symbol of every test that links the room. LIBS is what it
# needs from outside of the process. ALONE: without proto, for what must not share the bridge's own code.
function(amo_room name)
    cmake_parse_arguments(R "ALONE" "" "SOURCES;LINKS;LIBS" ${ARGN})
    string(REPLACE "." "_" target "amo_${name}")
    add_library(${target} STATIC ${R_SOURCES})
    add_library(amo::${name} ALIAS ${target})
    list(TRANSFORM R_LINKS PREPEND amo::)
    target_link_libraries(${target} PUBLIC ${R_LINKS} amo::base amo::warnings PRIVATE ${R_LIBS})
    if(NOT R_ALONE)
        target_link_libraries(${target} PUBLIC amo::proto)
    endif()
endfunction()

# amo_program(amo-core ROOM core)
# A process: main.c, and the room that knows all others.
function(amo_program name)
    cmake_parse_arguments(P "" "ROOM" "" ${ARGN})
    add_executable(${name} main.c)
    target_link_libraries(${name} PRIVATE amo::${P_ROOM})
endfunction()
