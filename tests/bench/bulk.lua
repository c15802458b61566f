-- Updates sessions: wrk -s bulk.lua URL -- HANDLES BODY, where HANDLES is a file of one handle a line, and BODY a format
-- of a handle and a number.
local handles, body, sent = {}, "", 0

wrk.method = "PUT"
wrk.headers["cdi-version"] = "5.4"
wrk.headers["content-type"] = "application/json; charset=utf-8"

function init(arguments)
   for handle in io.lines(arguments[1]) do
      handles[#handles + 1] = handle
   end
   body = arguments[2]
end

function request()
   sent = sent + 1
   return wrk.format(nil, nil, nil, string.format(body, handles[sent % #handles + 1], sent))
end
