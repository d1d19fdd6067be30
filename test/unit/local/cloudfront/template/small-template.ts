import type { Template } from '../../../../../local/cloudfront/template/intrinsics.ts'

type Properties = Record<string, unknown>

/** A function that marks what it sees: `?refuse` is answered, `/rewritten` is read as `/files/one.txt`, ranges are cut. */
export const stampFunction = `
async function handler(event) {
  var request = event.request;
  if (request.querystring.refuse) return { statusCode: 418, headers: { 'x-by': { value: 'function' } }, body: 'refused ' + request.uri };
  if (request.uri === '/files/rewritten') request.uri = '/files/one.txt';
  if (request.querystring.cut) request.headers.range = { value: 'bytes=0-1' };
  if (request.querystring.fail) throw new Error('broken');
  if (request.querystring.nothing) return 5;
  if (request.querystring.echo) return { statusCode: 200, body: JSON.stringify(event.request) };
  return request;
}`

/** Puts what it saw of the response into a header. */
export const seenFunction = `
function handler(event) {
  event.response.headers['x-seen'] = { value: event.response.statusCode + ' ' + event.response.headers['x-policy'].value };
  delete event.response.headers['last-modified'];
  return event.response;
}`

/** The smallest distribution with one of everything that the emulation knows. */
export function smallTemplate(
  change: (distribution: Properties, template: { Resources: Properties }) => void = () => {},
): Template {
  const config: Properties = {
    Enabled: true,
    Origins: [
      { Id: 'files', DomainName: { 'Fn::GetAtt': ['Files', 'RegionalDomainName'] }, S3OriginConfig: {} },
      {
        Id: 'api',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's own syntax.
        DomainName: { 'Fn::Sub': '${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}' },
        CustomOriginConfig: {},
      },
    ],
    CacheBehaviors: [
      {
        ...fromFiles('/private/*'),
        TrustedKeyGroups: [{ Ref: 'KeyGroupId' }],
        FunctionAssociations: [association('FunctionARN', { 'Fn::GetAtt': ['Stamp', 'FunctionMetadata.FunctionARN'] })],
      },
      {
        ...fromFiles('/lambda/*'),
        LambdaFunctionAssociations: [association('LambdaFunctionARN', { Ref: 'EdgeVersion' })],
      },
      {
        ...fromFiles('/files/*.txt'),
        FunctionAssociations: [
          association('FunctionARN', { 'Fn::GetAtt': ['Stamp', 'FunctionMetadata.FunctionARN'] }),
          {
            ...association('FunctionARN', { 'Fn::GetAtt': ['Seen', 'FunctionMetadata.FunctionARN'] }),
            EventType: 'viewer-response',
          },
        ],
      },
      {
        ...fromFiles('files/*'),
        FunctionAssociations: [association('FunctionARN', { 'Fn::GetAtt': ['Stamp', 'FunctionMetadata.FunctionARN'] })],
      },
    ],
    DefaultCacheBehavior: {
      TargetOriginId: 'api',
      ViewerProtocolPolicy: 'allow-all',
      AllowedMethods: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'PATCH', 'POST', 'DELETE'],
      CachePolicyId: '4135ea2d-6df8-44a3-9df3-4b5a84be39ad',
      OriginRequestPolicyId: 'b689b0a8-53d0-40ab-baf2-68738e2966ac',
    },
    CustomErrorResponses: [{ ErrorCode: 404, ErrorCachingMinTTL: 0 }],
  }
  const template = {
    Parameters: { KeyGroupId: { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/service/key-group-id' } },
    Resources: {
      Distribution: { Type: 'AWS::CloudFront::Distribution', Properties: { DistributionConfig: config } },
      Files: { Type: 'AWS::S3::Bucket', Properties: { BucketName: 'the-files' } },
      Api: { Type: 'AWS::ApiGatewayV2::Api', Properties: {} },
      ApiIntegration: {
        Type: 'AWS::ApiGatewayV2::Integration',
        Properties: { ApiId: { Ref: 'Api' }, IntegrationUri: { 'Fn::GetAtt': ['ApiFunction', 'Arn'] } },
      },
      ApiRoute: {
        Type: 'AWS::ApiGatewayV2::Route',
        Properties: { ApiId: { Ref: 'Api' }, RouteKey: 'ANY /api/{proxy+}' },
      },
      ApiFunction: {
        Type: 'AWS::Lambda::Function',
        Properties: {
          Handler: 'dist/api/index.handler',
          Environment: { Variables: { BUCKET: { Ref: 'Files' }, STAGE: 'local' } },
        },
      },
      EdgeFunction: { Type: 'AWS::Lambda::Function', Properties: { Handler: 'dist/edge/index.handler' } },
      EdgeVersion: { Type: 'AWS::Lambda::Version', Properties: { FunctionName: { Ref: 'EdgeFunction' } } },
      Stamp: cloudFrontFunction(stampFunction),
      Seen: cloudFrontFunction(seenFunction),
      Objects: {
        Type: 'AWS::CloudFront::CachePolicy',
        Properties: {
          CachePolicyConfig: {
            ParametersInCacheKeyAndForwardedToOrigin: {
              HeadersConfig: { HeaderBehavior: 'none' },
              CookiesConfig: { CookieBehavior: 'none' },
              QueryStringsConfig: { QueryStringBehavior: 'none' },
            },
          },
        },
      },
      Headers: {
        Type: 'AWS::CloudFront::ResponseHeadersPolicy',
        Properties: {
          ResponseHeadersPolicyConfig: {
            Name: { 'Fn::Join': ['-', ['service', { Ref: 'AWS::StackName' }]] },
            CustomHeadersConfig: { Items: [{ Header: 'X-Policy', Value: 'yes', Override: true }] },
          },
        },
      },
    },
  }
  change(config, template)
  return template as unknown as Template
}

function fromFiles(PathPattern: string): Properties {
  return {
    PathPattern,
    TargetOriginId: 'files',
    ViewerProtocolPolicy: 'allow-all',
    CachePolicyId: { Ref: 'Objects' },
    ResponseHeadersPolicyId: { Ref: 'Headers' },
  }
}

function association(name: string, value: unknown): Properties {
  return { EventType: 'viewer-request', [name]: value }
}

function cloudFrontFunction(FunctionCode: string): Properties {
  return {
    Type: 'AWS::CloudFront::Function',
    Properties: { FunctionCode, FunctionConfig: { Runtime: 'cloudfront-js-2.0' } },
  }
}
