# SPDX-License-Identifier: Apache-2.0 OR MIT
# The Linux board: supervisor, secure element, boot ROM and firmware are programs of their own.
foreach(place boards/anchor boards/linux boards/mps2_an385 tools/provision)
    if(EXISTS ${CMAKE_SOURCE_DIR}/${place}/CMakeLists.txt)
        string(REPLACE "/" "_" binary ${place})
        add_subdirectory(${CMAKE_SOURCE_DIR}/${place} ${CMAKE_BINARY_DIR}/${binary})
    endif()
endforeach()
if(TARGET dr_provision)
    target_link_libraries(dr_cli PUBLIC dr_provision)
endif()
