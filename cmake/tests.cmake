# SPDX-License-Identifier: Apache-2.0 OR MIT
# Every tests/unit/test_*.c is a program and a test; every tests/{system,ci,nightly}/test_*.py runs against the built
# programs. ctest alone runs unit and system (`make test`); the longer tiers are asked for by their name, as
# `ctest -C ci -L ci` (`make test-ci`) and `ctest -C nightly -L nightly` (`make nightly`).
set(DR_PYTHON /usr/bin/python3 CACHE FILEPATH "Debian's own Python: it sees Debian's modules")

file(GLOB unit_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/test_*.c)
foreach(source ${unit_tests})
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} EXCLUDE_FROM_ALL ${source})
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})
    target_compile_definitions(${name} PRIVATE DR_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    target_link_libraries(${name} PRIVATE ${DR_ALL_LIBS} m)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_test(NAME unit/${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(unit/${name} PROPERTIES TIMEOUT 120)
    list(APPEND unit_targets ${name})
endforeach()
add_custom_target(unit-tests DEPENDS ${unit_targets})

# Unit tests, and what system tests run besides the host's programs: the Cortex-M3 board's.
add_custom_target(test-programs DEPENDS unit-tests)
if(TARGET mps2)
    add_dependencies(test-programs mps2)
endif()

foreach(tier system ci nightly)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${tier}/test_*.py)
    foreach(source ${sources})
        get_filename_component(name ${source} NAME_WE)
        if(tier STREQUAL "system")
            set(when)
            set(timeout 300)
        else()
            set(when CONFIGURATIONS ${tier})
            set(timeout 3600)
        endif()
        add_test(NAME ${tier}/${name} COMMAND ${DR_PYTHON} -B ${source}
            WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} ${when})
        set_tests_properties(${tier}/${name} PROPERTIES
            TIMEOUT ${timeout} LABELS ${tier} ENVIRONMENT "DARUMA_BIN=${CMAKE_BINARY_DIR}/bin")
    endforeach()
endforeach()

if(EXISTS ${CMAKE_SOURCE_DIR}/fuzz/CMakeLists.txt)
    add_subdirectory(fuzz)
endif()

# Tools that system tests run: tests/system/*.c, each a program beside the others.
file(GLOB system_tools CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/system/*.c)
foreach(source ${system_tools})
    get_filename_component(name ${source} NAME_WE)
    string(REPLACE "_" "-" name ${name})
    add_executable(${name} ${source})
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name} PRIVATE dr_cloud_model dr_cloud_wire)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endforeach()

# The demo, as a user runs it.
add_test(NAME system/demo COMMAND ${DR_PYTHON} -B tests/demo/demo.py --bin ${CMAKE_BINARY_DIR}/bin
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(system/demo PROPERTIES TIMEOUT 400 PROCESSORS 2) # two lanes

# And on the Cortex-M3 board.
add_test(NAME ci/demo-mcu CONFIGURATIONS ci WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    COMMAND ${DR_PYTHON} -B tests/demo/demo.py --board mps2-an385 --bin ${CMAKE_BINARY_DIR}/bin)
set_tests_properties(ci/demo-mcu PROPERTIES TIMEOUT 600 LABELS ci)
