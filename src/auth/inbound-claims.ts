import type { ClientIdentity } from "../core/identity.ts";

const IDENTITY = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims";
const MICROSOFT = "http://schemas.microsoft.com/ws/2008/06/identity/claims";
const CONTEXT = "http://schemas.microsoft.com/2012/01";
const WS_2012 = "http://schemas.microsoft.com/ws/2012/01";

const CERTIFICATE = "http://schemas.microsoft.com/2012/12/certificatecontext";

/** Names that .NET's token handlers give to claims with short names, docs/spec/service-protocol.md §2.3. */
const longNames: Readonly<Record<string, string>> = {
  nameid: `${IDENTITY}/nameidentifier`,
  sub: `${IDENTITY}/nameidentifier`,
  unique_name: `${IDENTITY}/name`,
  email: `${IDENTITY}/emailaddress`,
  given_name: `${IDENTITY}/givenname`,
  family_name: `${IDENTITY}/surname`,
  gender: `${IDENTITY}/gender`,
  birthdate: `${IDENTITY}/dateofbirth`,
  website: `${IDENTITY}/webpage`,
  upn: `${IDENTITY}/upn`,
  certthumbprint: `${IDENTITY}/thumbprint`,
  denyonlysid: `${IDENTITY}/denyonlysid`,
  certpublickey: `${IDENTITY}/rsa`,
  ppid: `${IDENTITY}/privatepersonalidentifier`,
  role: `${MICROSOFT}/role`,
  roles: `${MICROSOFT}/role`,
  groupsid: `${MICROSOFT}/groupsid`,
  primarysid: `${MICROSOFT}/primarysid`,
  primarygroupsid: `${MICROSOFT}/primarygroupsid`,
  denyonlyprimarysid: `${MICROSOFT}/denyonlyprimarysid`,
  denyonlyprimarygroupsid: `${MICROSOFT}/denyonlyprimarygroupsid`,
  winaccountname: `${MICROSOFT}/windowsaccountname`,
  authmethod: `${MICROSOFT}/authenticationmethod`,
  certserialnumber: `${MICROSOFT}/serialnumber`,
  actort: "http://schemas.xmlsoap.org/ws/2009/09/identity/claims/actor",
  oid: "http://schemas.microsoft.com/identity/claims/objectidentifier",
  scp: "http://schemas.microsoft.com/identity/claims/scope",
  tid: "http://schemas.microsoft.com/identity/claims/tenantid",
  idp: "http://schemas.microsoft.com/identity/claims/identityprovider",
  acr: "http://schemas.microsoft.com/claims/authnclassreference",
  amr: "http://schemas.microsoft.com/claims/authnmethodsreferences",
  commonname: "http://schemas.xmlsoap.org/claims/CommonName",
  group: "http://schemas.xmlsoap.org/claims/Group",
  adfs1email: "http://schemas.xmlsoap.org/claims/EmailAddress",
  adfs1upn: "http://schemas.xmlsoap.org/claims/UPN",
  clientip: `${CONTEXT}/requestcontext/claims/x-ms-client-ip`,
  clientapplication: `${CONTEXT}/requestcontext/claims/x-ms-client-application`,
  clientuseragent: `${CONTEXT}/requestcontext/claims/x-ms-client-user-agent`,
  endpointpath: `${CONTEXT}/requestcontext/claims/x-ms-endpoint-absolute-path`,
  forwardedclientip: `${CONTEXT}/requestcontext/claims/x-ms-forwarded-client-ip`,
  proxy: `${CONTEXT}/requestcontext/claims/x-ms-proxy`,
  relyingpartytrustid: `${CONTEXT}/requestcontext/claims/relyingpartytrustid`,
  devicedispname: `${CONTEXT}/devicecontext/claims/displayname`,
  deviceid: `${CONTEXT}/devicecontext/claims/identifier`,
  deviceismanaged: `${CONTEXT}/devicecontext/claims/ismanaged`,
  deviceostype: `${CONTEXT}/devicecontext/claims/ostype`,
  deviceosver: `${CONTEXT}/devicecontext/claims/osversion`,
  deviceowner: `${CONTEXT}/devicecontext/claims/userowner`,
  deviceregid: `${CONTEXT}/devicecontext/claims/registrationid`,
  isregistereduser: `${CONTEXT}/devicecontext/claims/isregistereduser`,
  insidecorporatenetwork: `${WS_2012}/insidecorporatenetwork`,
  pwdchgurl: `${WS_2012}/passwordchangeurl`,
  pwdexpdays: `${WS_2012}/passwordexpirationdays`,
  pwdexptime: `${WS_2012}/passwordexpirationtime`,
  certapppolicy: `${CERTIFICATE}/extension/applicationpolicy`,
  certauthoritykeyidentifier: `${CERTIFICATE}/extension/authoritykeyidentifier`,
  certbasicconstraints: `${CERTIFICATE}/extension/basicconstraints`,
  certeku: `${CERTIFICATE}/extension/eku`,
  certkeyusage: `${CERTIFICATE}/extension/keyusage`,
  certpolicy: `${CERTIFICATE}/extension/certificatepolicy`,
  certsubjectaltname: `${CERTIFICATE}/extension/san`,
  certsubjectkeyidentifier: `${CERTIFICATE}/extension/subjectkeyidentifier`,
  certtemplateinformation: `${CERTIFICATE}/extension/certificatetemplateinformation`,
  certtemplatename: `${CERTIFICATE}/extension/certificatetemplatename`,
  certissuer: `${CERTIFICATE}/field/issuer`,
  certissuername: `${CERTIFICATE}/field/issuername`,
  certnotafter: `${CERTIFICATE}/field/notafter`,
  certnotbefore: `${CERTIFICATE}/field/notbefore`,
  certrawdata: `${CERTIFICATE}/field/rawdata`,
  certsignaturealgorithm: `${CERTIFICATE}/field/signaturealgorithm`,
  certsubject: `${CERTIFICATE}/field/subject`,
  certsubjectname: `${CERTIFICATE}/field/subjectname`,
  certx509version: `${CERTIFICATE}/field/x509version`,
};

/**
 * The claims as an app server expects them. SDKs write short names into tokens: applications that were written for .NET's long names
 * want those back, others (`MapInboundClaims = false`) the short ones, so both are sent, as Azure does. Claims of the system
 * (`asrs.s.*`), of users (`asrs.u.*`) and all others have one name.
 */
export function inboundClaims(claims: ClientIdentity["claims"]): ClientIdentity["claims"] {
  return claims.flatMap((claim) => {
    const [type, value] = claim;
    return Object.hasOwn(longNames, type) ? [[longNames[type] as string, value] as const, claim] : [claim];
  });
}

/** The first value of a claim, by its name in the token. */
export function claimValue(claims: ClientIdentity["claims"], type: string): string | undefined {
  return claims.find(([name]) => name === type)?.[1];
}
