from starlette.responses import Response

from supertokens_lite.recipe.session import SessionContainer

async def update_info(session: SessionContainer = ...) -> Response: ...
