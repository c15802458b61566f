// What the page of the application loads: the official frontend SDK, under a global name.
import * as sdk from "supertokens-website";

window.SDK = sdk.default || sdk;
