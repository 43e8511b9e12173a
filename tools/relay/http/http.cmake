# The relay's HTTP side, without the relay: the program, its tests and the fuzz target use it.
if(NOT TARGET remote_relay_http)
  set(here ${CMAKE_CURRENT_LIST_DIR})
  pkg_check_modules(BROTLI REQUIRED IMPORTED_TARGET libbrotlidec)
  add_library(remote_relay_http STATIC ${here}/connection.c ${here}/routes.c ${here}/checks.c
    ${here}/cookies.c ${here}/files.c ${here}/packed.c)
  target_include_directories(remote_relay_http PUBLIC ${here})
  target_link_libraries(remote_relay_http PUBLIC remote_carrier_ws remote_base
    PRIVATE remote_warnings ZLIB::ZLIB PkgConfig::BROTLI)
endif()
