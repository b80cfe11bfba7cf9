# SPDX-License-Identifier: Apache-2.0 OR MIT
# Every tests/unit/test_*.c is a program and a test; every tests/system/test_*.py runs against the built programs.
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
if(TARGET mps2-test)
    add_dependencies(unit-tests mps2-test) # system tests run its images
endif()

file(GLOB system_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/system/test_*.py)
foreach(source ${system_tests})
    get_filename_component(name ${source} NAME_WE)
    add_test(NAME system/${name} COMMAND ${DR_PYTHON} -B ${source} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(system/${name} PROPERTIES
        TIMEOUT 300 ENVIRONMENT "DARUMA_BIN=${CMAKE_BINARY_DIR}/bin")
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
set_tests_properties(system/demo PROPERTIES TIMEOUT 300)
