# cmake -DFROM=src/web/page -DTO=page.cpp -P EmbedPage.cmake: puts the page's style and script into its HTML, and all
# of it into a C++ source, with the hashes by which a Content-Security-Policy lets just these two in.

cmake_minimum_required(VERSION 3.25)

set(ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")

# Hexadecimal digits as base64 (RFC 4648 section 4), three bytes at a time.
function(base64 hex result)
    set(out "")
    string(LENGTH "${hex}" digits)
    set(at 0)
    while(at LESS digits)
        string(SUBSTRING "${hex}" ${at} 6 group)
        string(LENGTH "${group}" have)
        string(SUBSTRING "${group}00000" 0 6 group)
        math(EXPR bits "0x${group}")
        math(EXPR letters "${have} / 2 + 1")
        foreach(i RANGE 1 4)
            if(i GREATER letters)
                string(APPEND out "=")
            else()
                math(EXPR index "(${bits} >> (24 - 6 * ${i})) & 63")
                string(SUBSTRING "${ALPHABET}" ${index} 1 letter)
                string(APPEND out "${letter}")
            endif()
        endforeach()
        math(EXPR at "${at} + 6")
    endwhile()
    set(${result} "${out}" PARENT_SCOPE)
endfunction()

function(source_expression text result)
    string(SHA256 hex "${text}")
    base64("${hex}" hash)
    set(${result} "'sha256-${hash}'" PARENT_SCOPE)
endfunction()

file(READ ${FROM}/page.css style)
file(READ ${FROM}/page.js script)
file(READ ${FROM}/index.html page)
source_expression("${style}" style_hash)
source_expression("${script}" script_hash)
string(REPLACE "@style@" "${style}" page "${page}")
string(REPLACE "@script@" "${script}" page "${page}")

file(WRITE ${TO} "// Made by cmake/EmbedPage.cmake.
#include \"web/page.hpp\"

namespace finwait::web {

const std::string_view kPage = R\"page(${page})page\";
const std::string_view kStyleHash = \"${style_hash}\";
const std::string_view kScriptHash = \"${script_hash}\";

}  // namespace finwait::web
")
